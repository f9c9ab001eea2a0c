/// Verifies tokens that grantd itself issued (RFC 9068 §4, RFC 8725 §3).
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/keys/key_set.h"
#include "server/tokens/claims.h"

namespace grantd::tokens {

/// Told apart by `typ` (RFC 8725 §3.11): the one never passes for the other.
enum class Kind { access_token, transaction_token };
inline constexpr std::string_view transaction_token_typ = "txntoken+jwt";

/// A token whose origin, issuer and expiry were found right; made by verify() and
/// verify_reference() alone.
class VerifiedToken {
 public:
  [[nodiscard]] const Claims& claims() const { return claims_; }
  /// Whether it was presented as a handle: who holds one must not learn the content by it.
  [[nodiscard]] bool is_reference() const { return is_reference_; }

 private:
  friend std::expected<VerifiedToken, std::string> verify(std::string_view token,
                                                          const keys::KeySet& keys,
                                                          std::string_view issuer, sys_seconds now,
                                                          Kind kind);
  friend std::expected<VerifiedToken, std::string> verify_reference(std::string_view claims,
                                                                    std::string_view typ,
                                                                    std::string_view issuer,
                                                                    sys_seconds now, Kind kind);
  VerifiedToken(Claims claims, bool is_reference)
      : claims_(std::move(claims)), is_reference_(is_reference) {}
  Claims claims_;
  bool is_reference_;
};

/// `exp` is exact, without leeway: the clock is the one that issued the token. Error: a word in
/// snake_case for the log, such as `expired`, `bad_signature`, `unknown_kid`.
[[nodiscard]] std::expected<VerifiedToken, std::string> verify(std::string_view token,
                                                               const keys::KeySet& keys,
                                                               std::string_view issuer,
                                                               sys_seconds now,
                                                               Kind kind = Kind::access_token);

/// The same for what a handle stands for, out of grantd's own storage: `claims` is the JSON, `typ`
/// what the JWT in its place would have.
[[nodiscard]] std::expected<VerifiedToken, std::string> verify_reference(
    std::string_view claims, std::string_view typ, std::string_view issuer, sys_seconds now,
    Kind kind = Kind::access_token);

}  // namespace grantd::tokens
