#include "server/tokens/verifier.h"

#include <utility>

#include "server/jose/jws.h"

namespace grantd::tokens {
namespace {

bool is_typ_of(Kind kind, std::string_view typ) {
  switch (kind) {
    case Kind::access_token:
      // An operator may have set `JWT` for an audience whose verifiers know nothing of RFC 9068.
      return typ == "at+jwt" || typ == "jwt";
    case Kind::transaction_token:
      return typ == transaction_token_typ;
  }
  std::unreachable();
}

}  // namespace

std::expected<VerifiedToken, std::string> verify(std::string_view token, const keys::KeySet& keys,
                                                 std::string_view issuer, sys_seconds now,
                                                 Kind kind) {
  const auto jws = jose::parse_compact(token);
  if (!jws) return std::unexpected(jws.error());
  if (!is_typ_of(kind, jws->typ)) return std::unexpected("wrong_typ");

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
