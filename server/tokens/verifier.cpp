#include "server/tokens/verifier.h"

#include <utility>

#include "server/base/text.h"
#include "server/jose/jws.h"

namespace grantd::tokens {
namespace {

bool is_typ_of(Kind kind, std::string_view typ) {
  switch (kind) {
    case Kind::access_token:
      // An operator may have set `JWT` for an audience whose verifiers know nothing of RFC 9068.
      return equal_ignoring_case(typ, "at+jwt") || equal_ignoring_case(typ, "jwt");
    case Kind::transaction_token:
      return typ == transaction_token_typ;
  }
  std::unreachable();
}

/// What is looked at wherever the claims come from.
std::expected<Claims, std::string> checked_claims(std::string_view text, std::string_view issuer,
                                                  sys_seconds now) {
  auto claims = parse_claims(text);
  if (!claims) return claims;
  if (claims->issuer != issuer) return std::unexpected("wrong_issuer");
  if (!is_jti(claims->jti)) return std::unexpected("wrong_jti");
  if (now >= claims->expires_at) return std::unexpected("expired");
  return claims;
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
  auto claims = checked_claims(jws->payload, issuer, now);
  if (!claims) return std::unexpected(claims.error());
  return VerifiedToken(std::move(*claims), false);
}

std::expected<VerifiedToken, std::string> verify_reference(std::string_view claims,
                                                           std::string_view typ,
                                                           std::string_view issuer, sys_seconds now,
                                                           Kind kind) {
  if (!is_typ_of(kind, typ)) return std::unexpected("wrong_typ");
  auto checked = checked_claims(claims, issuer, now);
  if (!checked) return std::unexpected(checked.error());
  return VerifiedToken(std::move(*checked), true);
}

}  // namespace grantd::tokens
