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
  return {issuer,
          std::move(spec.subject),
          std::move(spec.client_id),
          std::move(spec.granted.audiences),
          std::move(spec.granted.scopes),
          issued_at,
          issued_at + spec.lifetime,
          random_hex(random, jti_random_digits / 2)};
}

oauth::Result<IssuedToken> complete(std::string signing_input, const std::string& signature,
                                    const Claims& claims) {
  signing_input += '.';
  jose::append_base64url(signing_input, signature);
  return IssuedToken{std::move(signing_input), claims.expires_at - claims.issued_at,
                     oauth::join_scope(claims.scopes)};
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
  co_return complete(std::move(input), *signature, claims);
}

}  // namespace grantd::tokens
