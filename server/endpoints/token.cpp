#include "server/endpoints/token.h"

#include <algorithm>

#include "server/base/secret.h"
#include "server/base/text.h"
#include "server/oauth/doubt.h"

namespace grantd::endpoints {
namespace {

http::Response token_response(tokens::IssuedToken token, std::string client_id,
                              std::size_t warn_bytes) {
  std::string body;
  // Enough for all of it: a string that grows leaves the token behind in memory that is given back.
  constexpr std::size_t names_and_numbers = 160;
  body.reserve(token.access_token.size() + token.issued_token_type.size() + 2 * token.scope.size() +
               names_and_numbers);
  body.append(R"({"access_token":")").append(token.access_token);  // base64url and dots
  body += '"';
  if (!token.issued_token_type.empty()) {
    body.append(R"(,"issued_token_type":")").append(token.issued_token_type).append("\"");
  }
  body.append(R"(,"token_type":")").append(token.token_type).append(R"(","expires_in":)");
  body.append(std::to_string(token.expires_in.count()));
  if (!token.scope.empty()) {
    body.append(R"(,"scope":)");
    append_json_string(body, token.scope);
  }
  body += '}';
  const bool large = token.access_token.size() > warn_bytes;
  cleanse(token.access_token);

  auto response = uncached(std::move(body), std::move(client_id));
  response.sensitive = true;
  if (large) response.log.reason = "large_token";
  response.log.chain = std::move(token.chain);
  response.log.root_jti = std::move(token.root_jti);
  return response;
}

oauth::Error unsupported_grant_type() {
  return {oauth::ErrorCode::unsupported_grant_type, "this grant_type is not supported",
          "unsupported_grant_type"};
}

}  // namespace

TokenEndpoint::TokenEndpoint(clients::Authenticator& authenticator,
                             std::vector<const grants::Grant*> grants,
                             const Snapshot<grants::Policy>& policy, const Freshness& freshness,
                             const Clock& clock, observe::Metrics& metrics)
    : authenticator_(authenticator),
      grants_(std::move(grants)),
      policy_(policy),
      freshness_(freshness),
      clock_(clock),
      metrics_(metrics) {}

boost::asio::awaitable<http::Response> TokenEndpoint::handle(const http::Request& http) const {
  // Here, so that nobody is looked up in vain; once more in issue(), because a lookup may take
  // long.
  if (const auto doubt = freshness_.doubts_issuing(clock_.steady())) {
    co_return failure(oauth::must_not_answer(*doubt), std::string());
  }
  auto [request, client_id] = co_await authenticated_request(http, authenticator_, metrics_);
  if (!request) co_return failure(request.error(), std::move(client_id));

  auto token = co_await issue(*request);
  if (!token) co_return failure(token.error(), std::move(client_id));

  metrics_.token_issued();
  const auto warn_bytes = policy_.get()->warn_token_bytes;
  co_return token_response(std::move(*token), std::move(client_id), warn_bytes);
}

boost::asio::awaitable<oauth::Result<tokens::IssuedToken>> TokenEndpoint::issue(
    const ClientRequest& request) const {
  if (const auto doubt = freshness_.doubts_issuing(clock_.steady())) {
    co_return std::unexpected(oauth::must_not_answer(*doubt));
  }
  const auto token_request = oauth::TokenRequest::make(request.form);
  if (!token_request) co_return std::unexpected(token_request.error());

  const auto grant =
      std::ranges::find(grants_, token_request->grant_type, &grants::Grant::grant_type);
  if (grant == grants_.end()) {
    co_return std::unexpected(unsupported_grant_type());
  }
  co_return co_await (*grant)->issue(*token_request, request.client->client, clock_.now());
}

}  // namespace grantd::endpoints
