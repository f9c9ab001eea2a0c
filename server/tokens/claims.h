/// The claims of an access token (RFC 9068 §2.2), written and read; with those of a derived one
/// (RFC 8693 §4.1) and of a transaction token (draft-ietf-oauth-transaction-tokens).
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"

namespace grantd::tokens {

/// Where a token's status stands (draft-ietf-oauth-status-list §6.1).
struct StatusReference {
  std::uint64_t list{0};
  std::uint64_t index{0};
  bool operator==(const StatusReference&) const = default;
};

struct Claims {
  std::string issuer{};
  std::string subject{};
  std::string client_id{};
  std::vector<std::string> audiences{};  // never empty
  std::vector<std::string> scopes{};     // empty: no `scope` claim
  sys_seconds issued_at{};
  sys_seconds expires_at{};
  std::string jti{};  // starts with 32 lower-case hex digits of randomness

  // Of a token that came out of an exchange.
  std::string root_jti{};           // of the first token of the chain; empty: this is the first
  std::uint32_t exchange_depth{0};  // exchanges since then
  std::string act{};                // who acts, as a JSON object (RFC 8693 §4.1); empty: none

  std::optional<StatusReference> status{};
  /// All others, name → JSON text, such as an operator's fixed claims or `txn`.
  std::map<std::string, std::string> extra{};
};

/// base64url(header) '.' base64url(claims): what is signed (RFC 7515 §5.1). Built as text: a JSON
/// tree on this path costs 12 µs a token.
[[nodiscard]] std::string signing_input(std::string_view kid, std::string_view typ,
                                        const Claims& claims);
/// The same over any JSON text, such as a document of ours that is no token.
[[nodiscard]] std::string signing_input_of(std::string_view kid, std::string_view typ,
                                           std::string_view payload);

/// The claims out of a JWS payload. Error: a word in snake_case for the log.
[[nodiscard]] std::expected<Claims, std::string> parse_claims(std::string_view text);

/// The claims as a JSON object.
[[nodiscard]] std::string claims_json(const Claims& claims);

/// Appends `,"name":value` for everything behind `jti` that the claims hold.
void append_further_claims(std::string& out, const Claims& claims);

/// Appends "aud" as a string where one, an array where several (RFC 7519 §4.1.3), without its name.
void append_audience(std::string& out, const std::vector<std::string>& audiences);

/// Whose not-before time ends a token: its client's, its subject's, and each actor's, the current
/// one first. `act` must be JSON that was parsed once.
[[nodiscard]] std::vector<std::string> principals_of(const Claims& claims);

/// Those of a foreign issuer bear its `iss`; ours bear none.
enum class Actors { all, ours };
/// The subjects of an `act` claim, the current actor first; at most max_actors.
[[nodiscard]] std::vector<std::string> actors_of(std::string_view act, Actors which = Actors::all);
inline constexpr std::size_t max_actors = 32;

inline constexpr std::size_t jti_random_digits = 32;

/// Whether a jti can be one of ours.
[[nodiscard]] bool is_jti(std::string_view text);

/// "<issuer less a final '/'>/status/17".
[[nodiscard]] std::string status_list_uri(std::string_view issuer, std::uint64_t list);

}  // namespace grantd::tokens
