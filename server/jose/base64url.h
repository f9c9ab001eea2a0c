/// base64url without padding (RFC 4648 §5, RFC 7515 §2). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace grantd::jose {

[[nodiscard]] std::string base64url(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::string base64url(std::string_view bytes);
void append_base64url(std::string& out, std::string_view bytes);

/// Strict: no padding, no white space, no other alphabet, no stray bits behind the last octet.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

/// The ordinary alphabet with padding, for HTTP Basic (RFC 7617); padding may be missing.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace grantd::jose
