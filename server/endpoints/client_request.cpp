#include "server/endpoints/client_request.h"

#include "server/http/error_response.h"
#include "server/observe/log.h"

namespace grantd::endpoints {
namespace {

using oauth::Error;
using oauth::ErrorCode;

oauth::Result<oauth::Form> form_of(const http::Request& http) {
  if (!oauth::is_form_content_type(http.content_type)) {
    return std::unexpected(Error{ErrorCode::invalid_request,
                                 "the Content-Type must be application/x-www-form-urlencoded",
                                 "wrong_content_type"});
  }
  if (oauth::query_has_credentials(http.query)) {
    return std::unexpected(Error{
        ErrorCode::invalid_request,
        "credentials and tokens belong into the body, never into the URI: replace the ones sent",
        "credentials_in_query"});
  }
  return oauth::Form::parse(http.body);
}

// Results are made in plain functions: docs/adr/0002.
ClientRequestResult failed(oauth::Error error, std::string client_id) {
  return {std::unexpected(std::move(error)), std::move(client_id)};
}

ClientRequestResult proven(oauth::Form form, clients::ClientPtr client, std::string client_id) {
  return {ClientRequest{std::move(form), std::move(client)}, std::move(client_id)};
}

clients::AuthenticationRequest authentication_request(const http::Request& http,
                                                      const oauth::Form& form) {
  return {form, http.authorization, http.has_authorization, http.peer, http.read_at};
}

boost::asio::awaitable<ClientRequestResult> authenticated(oauth::Result<oauth::Form> form,
                                                          const http::Request& http,
                                                          clients::Authenticator& authenticator,
                                                          observe::Metrics& metrics) {
  if (!form) co_return failed(std::move(form.error()), std::string());

  const auto request = authentication_request(http, *form);
  auto authentication = co_await authenticator.authenticate(request);
  auto client_id = authentication.registered
                       ? std::move(authentication.client_id)
                       : observe::loggable_client_id(authentication.client_id);
  if (!authentication.client) {
    const auto& error = authentication.client.error();
    if (clients::is_denial(error.code)) metrics.authentication_failed(error.cause);
    co_return failed(std::move(authentication.client.error()), std::move(client_id));
  }
  co_return proven(std::move(*form), std::move(*authentication.client), std::move(client_id));
}

}  // namespace

boost::asio::awaitable<ClientRequestResult> authenticated_request(
    const http::Request& http, clients::Authenticator& authenticator, observe::Metrics& metrics) {
  return authenticated(form_of(http), http, authenticator, metrics);
}

boost::asio::awaitable<ClientRequestResult> request_without_form(
    const http::Request& http, clients::Authenticator& authenticator, observe::Metrics& metrics) {
  return authenticated(oauth::Form::parse(std::string_view()), http, authenticator, metrics);
}

oauth::Result<std::string_view> token_of(const oauth::Form& form) {
  const auto token = form.single("token");
  if (!token) return std::unexpected(token.error());
  if (!*token) {
    return std::unexpected(Error{ErrorCode::invalid_request, "token is missing", "no_token"});
  }
  return **token;
}

http::Response failure(const oauth::Error& error, std::string client_id) {
  auto response = http::error_response(error);
  response.log.client_id = std::move(client_id);
  return response;
}

http::Response uncached(std::string body, std::string client_id) {
  http::Response response;
  response.body = std::move(body);
  response.headers.push_back({"Cache-Control", "no-store"});
  response.headers.push_back({"Pragma", "no-cache"});
  response.log.client_id = std::move(client_id);
  return response;
}

}  // namespace grantd::endpoints
