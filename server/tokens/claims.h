/// The claims of an access token (RFC 9068 §2.2), written and read.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"

namespace grantd::tokens {

struct Claims {
  std::string issuer{};
  std::string subject{};
  std::string client_id{};
  std::vector<std::string> audiences{};  // never empty
  std::vector<std::string> scopes{};     // empty: no `scope` claim
  sys_seconds issued_at{};
  sys_seconds expires_at{};
  std::string jti{};  // starts with 32 lower-case hex digits of randomness
};

/// base64url(header) '.' base64url(claims): what is signed (RFC 7515 §5.1). Built as text: a JSON
/// tree on this path costs 12 µs a token.
[[nodiscard]] std::string signing_input(std::string_view kid, std::string_view typ,
                                        const Claims& claims);

/// The claims out of a JWS payload. Error: a word in snake_case for the log.
[[nodiscard]] std::expected<Claims, std::string> parse_claims(std::string_view text);

/// Appends "aud" as a string where one, an array where several (RFC 7519 §4.1.3), without its name.
void append_audience(std::string& out, const std::vector<std::string>& audiences);

inline constexpr std::size_t jti_random_digits = 32;

/// Whether a jti can be one of ours.
[[nodiscard]] bool is_jti(std::string_view text);

}  // namespace grantd::tokens
