#include "server/endpoints/introspect.h"

#include <algorithm>

#include "server/base/text.h"
#include "server/oauth/scope.h"
#include "server/tokens/verifier.h"

namespace grantd::endpoints {
namespace {

/// RFC 7662 §4: a caller outside the token's audience learns nothing, not even that it is active.
bool may_see(const storage::ClientRecord& caller, const tokens::Claims& claims) {
  return claims.client_id == caller.id ||
         std::ranges::any_of(claims.audiences, [&](const auto& audience) {
           return std::ranges::find(caller.serves, audience) != caller.serves.end();
         });
}

std::string active(const tokens::Claims& claims) {
  std::string body = R"({"active":true,"iss":)";
  append_json_string(body, claims.issuer);
  body.append(R"(,"sub":)");
  append_json_string(body, claims.subject);
  body.append(R"(,"client_id":)");
  append_json_string(body, claims.client_id);
  body.append(R"(,"aud":)");
  tokens::append_audience(body, claims.audiences);
  if (!claims.scopes.empty()) {
    body.append(R"(,"scope":)");
    append_json_string(body, oauth::join_scope(claims.scopes));
  }
  body.append(R"(,"iat":)").append(std::to_string(claims.issued_at.time_since_epoch().count()));
  body.append(R"(,"exp":)").append(std::to_string(claims.expires_at.time_since_epoch().count()));
  body.append(R"(,"jti":)");
  append_json_string(body, claims.jti);
  tokens::append_further_claims(body, claims);
  body.append(R"(,"token_type":"Bearer"})");
  return body;
}

http::Response inactive(std::string client_id, std::string reason) {
  auto response = uncached(R"({"active":false})", std::move(client_id));
  response.log.reason = std::move(reason);
  return response;
}

}  // namespace

IntrospectEndpoint::IntrospectEndpoint(clients::Authenticator& authenticator, std::string issuer,
                                       const Snapshot<keys::KeySet>& keys,
                                       const tokens::Revocations& revocations, const Clock& clock,
                                       observe::Metrics& metrics)
    : authenticator_(authenticator),
      issuer_(std::move(issuer)),
      keys_(keys),
      revocations_(revocations),
      clock_(clock),
      metrics_(metrics) {}

boost::asio::awaitable<http::Response> IntrospectEndpoint::handle(const http::Request& http) const {
  auto [request, client_id] = co_await authenticated_request(http, authenticator_, metrics_);
  if (!request) co_return failure(request.error(), std::move(client_id));

  const auto token = token_of(request->form);
  if (!token) co_return failure(token.error(), std::move(client_id));
  co_return answer(*token, request->client->client, std::move(client_id));
}

http::Response IntrospectEndpoint::answer(std::string_view token,
                                          const storage::ClientRecord& caller,
                                          std::string client_id) const {
  const auto verified = tokens::verify(token, *keys_.get(), issuer_, floor_seconds(clock_.now()));
  if (!verified) return inactive(std::move(client_id), verified.error());
  if (!may_see(caller, verified->claims())) {
    return inactive(std::move(client_id), "caller_outside_audience");
  }
  if (revocations_.is_revoked(verified->claims())) {
    return inactive(std::move(client_id), "revoked");
  }
  return uncached(active(verified->claims()), std::move(client_id));
}

}  // namespace grantd::endpoints
