#include "server/endpoints/revoke.h"

#include <utility>

#include "server/oauth/doubt.h"

namespace grantd::endpoints {
namespace {

using oauth::Error;
using oauth::ErrorCode;

http::Response done(std::string client_id, std::string reason) {
  auto response = uncached({}, std::move(client_id));
  response.log.reason = std::move(reason);
  return response;
}

Error of_another_client() {
  return {ErrorCode::unauthorized_client, "the token was issued to another client",
          "token_of_another_client"};
}

/// RFC 7009 §2.2: what cannot be used any more is revoked already; where `doubt`, it may be of use
/// to the nodes that know more. §2.2.1: what is encrypted to a resource server may be live, and
/// says to nobody here which token it is.
http::Response unresolved(const tokens::Unresolved& token, std::optional<Freshness::Doubt> doubt,
                          std::string client_id) {
  using Why = tokens::Unresolved::Why;
  switch (token.why) {
    case Why::invalid:
      if (doubt) return failure(oauth::must_not_answer(*doubt), std::move(client_id));
      return done(std::move(client_id), token.reason);
    case Why::encrypted:
      return failure({ErrorCode::unsupported_token_type,
                      "an encrypted token cannot be revoked: only its resource server can read "
                      "which one it is",
                      token.reason},
                     std::move(client_id));
    case Why::unavailable:
      return failure(tokens::unavailable_error(token), std::move(client_id));
  }
  std::unreachable();
}

Error cannot_be_stored(std::string_view reason) {
  return {ErrorCode::temporarily_unavailable, "the revocation cannot be stored now, try again",
          std::string(reason)};
}

}  // namespace

boost::asio::awaitable<http::Response> RevokeEndpoint::handle(const http::Request& http) const {
  auto [request, client_id] =
      co_await authenticated_request(http, with_.authenticator, with_.metrics);
  if (!request) co_return failure(request.error(), std::move(client_id));

  // token_type_hint is not read: a token says itself what it is (RFC 7009 §2.1 lets a server ignore
  // it).
  const auto token = token_of(request->form);
  if (!token) co_return failure(token.error(), std::move(client_id));

  // Before the keys are looked at: they are then no older than what is judged here.
  const auto doubt = with_.freshness.doubts_unknown(with_.clock.steady());
  const auto verified = co_await resolve(*token);
  if (!verified) co_return unresolved(verified.error(), doubt, std::move(client_id));
  if (verified->claims().client_id != request->client->client.id) {
    co_return failure(of_another_client(), std::move(client_id));
  }

  const auto stored = co_await store(verified->claims(), client_id);
  if (!stored) co_return failure(stored.error(), std::move(client_id));
  with_.metrics.token_revoked();
  co_return done(std::move(client_id), std::string());
}

boost::asio::awaitable<std::expected<tokens::VerifiedToken, tokens::Unresolved>>
RevokeEndpoint::resolve(std::string_view token) const {
  const auto now = floor_seconds(with_.clock.now());
  auto verified = co_await with_.resolver.resolve(token, now);
  if (verified || verified.error().reason != "wrong_typ") co_return verified;
  co_return co_await with_.resolver.resolve(token, now, tokens::Kind::transaction_token);
}

boost::asio::awaitable<oauth::Result<void>> RevokeEndpoint::store(
    const tokens::Claims& claims, const std::string& client_id) const {
  const auto expires_at = claims.expires_at + with_.policy.get()->clock_skew;
  auto written = co_await with_.pool.run(writing(claims.jti, expires_at, client_id));
  if (!written) co_return std::unexpected(cannot_be_stored("storage_queue_full"));
  if (!*written) co_return std::unexpected(cannot_be_stored("storage_unavailable"));
  // In force on this node with the answer; the change follower brings it to the others.
  with_.revocations.revoke(claims.jti, expires_at);
  with_.status_lists.revoke(claims.jti, expires_at);
  // Readers of the feed hear at once of the first of many, of the rest with the next change read.
  with_.feed.wake_sparingly(with_.clock.steady());
  co_return oauth::Result<void>();
}

std::function<storage::StoreResult<void>()> RevokeEndpoint::writing(
    const std::string& jti, sys_seconds expires_at, const std::string& client_id) const {
  return [&store = with_.store, revocation = storage::Revocation{jti, expires_at},
          now = floor_seconds(with_.clock.now()),
          actor = "client:" + client_id] { return store.revoke(revocation, now, actor); };
}

}  // namespace grantd::endpoints
