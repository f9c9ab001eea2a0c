#include "server/tokens/issuer.h"

#include "server/jose/base64url.h"
#include "server/oauth/scope.h"
#include "server/tokens/claims.h"

namespace grantd::tokens {
namespace {

using oauth::Error;
using oauth::ErrorCode;

// Aggregates are made in plain functions: GCC 12 destroys the temporaries of an aggregate
// initialisation inside a coroutine twice (docs/adr/0002).
Claims make_claims(const std::string& issuer, TokenSpec& spec, Random& random,
                   sys_seconds issued_at) {
  Claims claims;
  claims.issuer = issuer;
  claims.subject = std::move(spec.subject);
  claims.client_id = std::move(spec.client_id);
  claims.audiences = std::move(spec.granted.audiences);
  claims.scopes = std::move(spec.granted.scopes);
  claims.issued_at = issued_at;
  claims.expires_at = issued_at + spec.lifetime;
  claims.jti = random_hex(random, jti_random_digits / 2);
  claims.root_jti = std::move(spec.root_jti);
  claims.exchange_depth = spec.exchange_depth;
  claims.act = std::move(spec.act);
  claims.extra = std::move(spec.extra);
  return claims;
}

oauth::Result<IssuedToken> too_large() {
  return std::unexpected(Error{ErrorCode::invalid_request,
                               "the token would be larger than allowed: ask for fewer resources "
                               "or scopes",
                               "token_too_large"});
}

oauth::Result<IssuedToken> complete(std::string signing_input, const std::string& signature,
                                    const Claims& claims, std::size_t max_bytes) {
  signing_input += '.';
  jose::append_base64url(signing_input, signature);
  if (signing_input.size() > max_bytes) return too_large();
  IssuedToken token;
  token.access_token = std::move(signing_input);
  token.expires_in = claims.expires_at - claims.issued_at;
  token.scope = oauth::join_scope(claims.scopes);
  return token;
}

oauth::Result<IssuedToken> no_signing_key() {
  return std::unexpected(Error{ErrorCode::temporarily_unavailable,
                               "tokens cannot be signed now, try again", "no_signing_key"});
}

oauth::Result<IssuedToken> signing_failed() {
  return std::unexpected(Error{ErrorCode::server_error, {}, "signing_failed"});
}

}  // namespace

Issuer::Issuer(std::string issuer, const Snapshot<keys::KeySet>& keys, keys::Signer& signer,
               Random& random)
    : issuer_(std::move(issuer)), keys_(keys), signer_(signer), random_(random) {}

boost::asio::awaitable<oauth::Result<IssuedToken>> Issuer::issue(TokenSpec spec,
                                                                 WallTime now) const {
  const auto keys = keys_.get();
  if (!keys || !keys->signing()) co_return no_signing_key();

  const auto& key = *keys->signing();
  const auto claims = make_claims(issuer_, spec, random_, floor_seconds(now));
  auto input = signing_input(key.kid(), spec.granted.typ, claims);
  const auto signature = co_await signer_.sign(key, input);
  if (!signature) co_return signing_failed();
  co_return complete(std::move(input), *signature, claims, spec.max_bytes);
}

}  // namespace grantd::tokens
