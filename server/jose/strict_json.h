/// JSON objects from a peer, where two readings of one text would be a hole (RFC 8259 §4, RFC 8725
/// §3.7). Pure.
#pragma once

#include <cstddef>
#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace grantd::jose {

/// One object and nothing around it but white space. Refused: a repeated member at any depth,
/// octets that are no UTF-8, a byte order mark, more than `max_depth` objects and arrays inside
/// each other (the outermost counts). The caller bounds the length. Error: a word in snake_case for
/// the log: malformed_json, no_json_object, repeated_member, nested_too_deeply.
[[nodiscard]] std::expected<nlohmann::json, std::string> parse_object(std::string_view text,
                                                                      std::size_t max_depth);

/// The member where it is there and a string, else null.
[[nodiscard]] const std::string* find_string(const nlohmann::json& object, const char* member);

}  // namespace grantd::jose
