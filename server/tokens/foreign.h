/// Tokens of foreign issuers that an operator trusts as subjects of an exchange (RFC 8693 §2.1):
/// JWTs signed with RS256 by a key of the issuer's JWKS. `jwk`, `jku`, `x5u` are never looked at,
/// and grantd connects to nobody for keys.
///
/// Immutable once built; thread-safe.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/jose/rsa_key.h"
#include "server/tokens/claims.h"

namespace grantd::tokens {

/// Keys of one foreign issuer by its own kids.
using ForeignKeys = std::map<std::string, std::shared_ptr<const jose::RsaPublicKey>, std::less<>>;

inline constexpr std::size_t max_foreign_keys = 64;
inline constexpr std::size_t max_jwks_bytes = 256 * 1024;

/// The RS256 signature keys of a JWKS (RFC 7517 §5); keys of other kinds, without a kid, or for
/// another use are passed over. Error: one sentence, also where no key is left.
[[nodiscard]] std::expected<ForeignKeys, std::string> parse_jwks(std::string_view text);

struct ForeignIssuer {
  ForeignKeys keys{};
  std::string subject_prefix{};
};
using ForeignIssuers = std::map<std::string, ForeignIssuer, std::less<>>;

/// How a foreign issuer's times are taken.
struct ForeignTimes {
  std::chrono::seconds skew{0};  // by which its clock may differ, for `nbf` and `iat`
  /// After `iat`, whatever its `exp`: a revocation is kept no longer than a token of ours could
  /// live.
  std::chrono::seconds max_age{0};
};

/// The claims as one of our own tokens would have them: `sub` with the issuer's prefix, `client_id`
/// empty, actors marked with their issuer, and as `jti` 32 hex digits that name this token
/// (revoking it ends what was derived from it). Found right: signature, `iss`, `exp` (exactly),
/// `nbf` and `iat`. Error: a word in snake_case for the log.
[[nodiscard]] std::expected<Claims, std::string> verify_foreign(std::string_view token,
                                                                const ForeignIssuers& issuers,
                                                                sys_seconds now,
                                                                const ForeignTimes& times);

/// The `iss` of a JWT, not verified, to know whose it is; empty where it cannot be read.
[[nodiscard]] std::string issuer_of(std::string_view token);

}  // namespace grantd::tokens
