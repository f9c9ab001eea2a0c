/// JWS Compact Serialization, parsed once and strictly (RFC 7515 §3.1, §5.2; RFC 8725 §3). Pure.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace grantd::jose {

inline constexpr std::size_t max_compact_bytes = 16 * 1024;

/// Taken apart, not verified: nothing in it may be believed yet.
struct UnverifiedJws {
  std::string kid{};
  std::string typ{};                 // lower-cased, without "application/"
  std::string payload{};             // decoded octets
  std::string signature{};           // decoded octets
  std::string_view signing_input{};  // into the text that was parsed
};

/// Accepts exactly three parts, a JSON object as header without repeated members, `alg` RS256 and
/// no other, a `kid`, no `crit`, no `b64`. `jwk`, `jku`, `x5u`, `x5c` are never looked at. Error: a
/// word in snake_case for the log.
[[nodiscard]] std::expected<UnverifiedJws, std::string> parse_compact(std::string_view text);

}  // namespace grantd::jose
