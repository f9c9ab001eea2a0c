#include "server/endpoints/revoke.h"

#include <span>
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

// Made in a plain function: docs/adr/0002.
storage::PendingRevocation pending_revocation(const tokens::Claims& claims, sys_seconds expires_at,
                                              sys_seconds now, const std::string& client_id) {
  return {{claims.jti, expires_at}, now, "client:" + client_id};
}

}  // namespace

RevokeEndpoint::RevokeEndpoint(Dependencies dependencies)
    : with_(dependencies),
      writer_(
          with_.pool, {max_pending, max_group},
          [&store = with_.store](std::span<const storage::PendingRevocation> group) {
            return store.revoke_all(group);
          },
          std::unexpected(storage::StoreError{storage::StoreErrorCode::unavailable,
                                              "the commit was interrupted"})) {}

boost::asio::awaitable<http::Response> RevokeEndpoint::handle(const http::Request& http) {
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

boost::asio::awaitable<oauth::Result<void>> RevokeEndpoint::store(const tokens::Claims& claims,
                                                                  const std::string& client_id) {
  const auto expires_at = claims.expires_at + with_.policy.get()->clock_skew;
  const auto now = floor_seconds(with_.clock.now());
  const auto written =
      co_await writer_.write(pending_revocation(claims, expires_at, now, client_id));
  if (!written) co_return std::unexpected(cannot_be_stored("storage_queue_full"));
  if (!*written) co_return std::unexpected(cannot_be_stored("storage_unavailable"));
  // In force on this node with the answer; the change follower brings it to the others.
  with_.revocations.revoke(claims.jti, expires_at);
  with_.status_lists.revoke(claims.jti, expires_at);
  // Readers of the feed hear at once of the first of many, of the rest with the next change read.
  with_.feed.wake_sparingly(with_.clock.steady());
  co_return oauth::Result<void>();
}

}  // namespace grantd::endpoints
