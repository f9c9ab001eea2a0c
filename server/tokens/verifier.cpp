#include "server/tokens/verifier.h"

#include "server/jose/jws.h"

namespace grantd::tokens {

std::expected<VerifiedToken, std::string> verify(std::string_view token, const keys::KeySet& keys,
                                                 std::string_view issuer, sys_seconds now) {
  const auto jws = jose::parse_compact(token);
  if (!jws) return std::unexpected(jws.error());
  // An operator may have set `JWT` for an audience whose verifiers know nothing of RFC 9068.
  if (jws->typ != "at+jwt" && jws->typ != "jwt") return std::unexpected("wrong_typ");

  const auto key = keys.find(jws->kid);
  if (!key) return std::unexpected("unknown_kid");
  if (!key->verify_rs256(jws->signing_input, jws->signature)) {
    return std::unexpected("bad_signature");
  }
  auto claims = parse_claims(jws->payload);
  if (!claims) return std::unexpected(claims.error());
  if (claims->issuer != issuer) return std::unexpected("wrong_issuer");
  if (!is_jti(claims->jti)) return std::unexpected("wrong_jti");
  if (now >= claims->expires_at) return std::unexpected("expired");
  return VerifiedToken(std::move(*claims));
}

}  // namespace grantd::tokens
