#include "server/endpoints/token.h"

#include <algorithm>

#include "server/base/secret.h"
#include "server/base/text.h"

namespace grantd::endpoints {
namespace {

http::Response token_response(tokens::IssuedToken token, std::string client_id) {
  std::string body;
  body.reserve(token.access_token.size() + 128);
  body.append(R"({"access_token":")").append(token.access_token);  // base64url and dots
  body.append(R"(","token_type":"Bearer","expires_in":)");
  body.append(std::to_string(token.expires_in.count()));
  if (!token.scope.empty()) {
    body.append(R"(,"scope":)");
    append_json_string(body, token.scope);
  }
  body += '}';
  cleanse(token.access_token);

  auto response = uncached(std::move(body), std::move(client_id));
  response.sensitive = true;
  return response;
}

oauth::Error unsupported_grant_type() {
  return {oauth::ErrorCode::unsupported_grant_type, "this grant_type is not supported",
          "unsupported_grant_type"};
}

}  // namespace

TokenEndpoint::TokenEndpoint(clients::Authenticator& authenticator,
                             std::vector<const grants::Grant*> grants, const Clock& clock,
                             observe::Metrics& metrics)
    : authenticator_(authenticator), grants_(std::move(grants)), clock_(clock), metrics_(metrics) {}

boost::asio::awaitable<http::Response> TokenEndpoint::handle(const http::Request& http) const {
  auto [request, client_id] = co_await authenticated_request(http, authenticator_, metrics_);
  if (!request) co_return failure(request.error(), std::move(client_id));

  auto token = co_await issue(*request);
  if (!token) co_return failure(token.error(), std::move(client_id));

  metrics_.token_issued();
  co_return token_response(std::move(*token), std::move(client_id));
}

boost::asio::awaitable<oauth::Result<tokens::IssuedToken>> TokenEndpoint::issue(
    const ClientRequest& request) const {
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
