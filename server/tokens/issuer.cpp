#include "server/tokens/issuer.h"

#include <utility>

#include "server/base/secret.h"
#include "server/jose/jwe.h"
#include "server/oauth/scope.h"
#include "server/tokens/claims.h"
#include "server/tokens/signing.h"
#include "server/tokens/status_reference.h"

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
  claims.jti = random_id(random, jti_random_digits / 2);
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

/// What is signed is encrypted, not the other way round (RFC 7519 §11.2).
oauth::Result<IssuedToken> issued(oauth::Result<std::string> access_token, const Claims& claims,
                                  const TokenSpec& spec, Random& random) {
  if (!access_token) return std::unexpected(std::move(access_token.error()));
  if (spec.reader && !spec.granted.opaque) {
    auto encrypted = jose::encrypt_compact(*spec.reader, spec.granted.typ, *access_token, random);
    cleanse(*access_token);
    *access_token = std::move(encrypted);
  }
  if (access_token->size() > spec.max_bytes) return too_large();
  IssuedToken token;
  token.access_token = std::move(*access_token);
  token.expires_in = claims.expires_at - claims.issued_at;
  token.scope = oauth::join_scope(claims.scopes);
  return token;
}

oauth::Result<IssuedToken> no_status_entry() {
  return std::unexpected(Error{ErrorCode::temporarily_unavailable,
                               "the token's status cannot be placed now, try again",
                               "no_status_entry"});
}

}  // namespace

Issuer::Issuer(std::string issuer, const Snapshot<keys::KeySet>& keys, keys::Signer& signer,
               ReferenceTokens& references, StatusIndexes& status_indexes, Random& random)
    : issuer_(std::move(issuer)),
      keys_(keys),
      signer_(signer),
      references_(references),
      status_indexes_(status_indexes),
      random_(random) {}

boost::asio::awaitable<oauth::Result<IssuedToken>> Issuer::issue(TokenSpec spec,
                                                                 WallTime now) const {
  auto claims = make_claims(issuer_, spec, random_, floor_seconds(now));
  if (spec.status_entry) {
    const bool given = co_await give_status(claims, spec.granted.status_list);
    if (!given) co_return no_status_entry();
  }
  auto text = claims_json(claims);
  if (text.size() > spec.max_bytes) co_return too_large();
  const auto keys = keys_.get();
  auto making = make(spec, *keys, std::move(text), claims.expires_at);
  auto token = co_await std::move(making);
  co_return issued(std::move(token), claims, spec, random_);
}

/// False where the token must not be issued without.
boost::asio::awaitable<bool> Issuer::give_status(Claims& claims, bool asked_for) const {
  // A derived token refers to the entry of the first of its chain, so that revoking that one is
  // seen by everybody; its own jti then names no entry, so that revoking it ends it alone.
  auto status = status_of_jti(claims.root_jti);
  if (!status) {
    status = co_await status_indexes_.take(claims.expires_at);
    if (!status) co_return !asked_for;
    claims.jti += jti_suffix(*status);
  }
  if (asked_for) claims.status = status;
  co_return true;
}

boost::asio::awaitable<oauth::Result<std::string>> Issuer::make(const TokenSpec& spec,
                                                                const keys::KeySet& keys,
                                                                std::string claims,
                                                                sys_seconds expires_at) const {
  if (spec.granted.opaque) {
    return references_.issue(spec.granted.typ, std::move(claims), expires_at);
  }
  return sign_compact(keys, signer_, spec.granted.typ, std::move(claims));
}

}  // namespace grantd::tokens
