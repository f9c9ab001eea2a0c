/// Verifies access tokens that grantd itself issued (RFC 9068 §4, RFC 8725 §3).
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

/// A token whose signature, issuer and expiry were found right; made by verify() alone.
class VerifiedToken {
 public:
  [[nodiscard]] const Claims& claims() const { return claims_; }

 private:
  friend std::expected<VerifiedToken, std::string> verify(std::string_view token,
                                                          const keys::KeySet& keys,
                                                          std::string_view issuer, sys_seconds now,
                                                          Kind kind);
  explicit VerifiedToken(Claims claims) : claims_(std::move(claims)) {}
  Claims claims_;
};

/// `exp` is exact, without leeway: the clock is the one that issued the token. Error: a word in
/// snake_case for the log, such as `expired`, `bad_signature`, `unknown_kid`.
[[nodiscard]] std::expected<VerifiedToken, std::string> verify(std::string_view token,
                                                               const keys::KeySet& keys,
                                                               std::string_view issuer,
                                                               sys_seconds now,
                                                               Kind kind = Kind::access_token);

}  // namespace grantd::tokens
