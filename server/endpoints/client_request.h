/// The steps that every endpoint with client authentication shares and none can skip: media type,
/// query string, form, client (RFC 6749 §2.3, §3.2; RFC 7009 §2.1; RFC 7662 §2.1).
#pragma once

#include <boost/asio/awaitable.hpp>

#include "server/clients/authenticator.h"
#include "server/http/message.h"
#include "server/oauth/error.h"
#include "server/oauth/form.h"
#include "server/observe/metrics.h"

namespace grantd::endpoints {

/// A request whose client is proven.
struct ClientRequest {
  oauth::Form form;
  clients::ClientPtr client;
};

struct ClientRequestResult {
  oauth::Result<ClientRequest> request;
  /// Fit for the log whether authentication worked or not.
  std::string client_id;
};

/// `http` must live until it resumes.
boost::asio::awaitable<ClientRequestResult> authenticated_request(
    const http::Request& http, clients::Authenticator& authenticator, observe::Metrics& metrics);

/// The same for a request that has no form (GET): the client by HTTP Basic alone; the query is not
/// looked at, the form is empty.
boost::asio::awaitable<ClientRequestResult> request_without_form(
    const http::Request& http, clients::Authenticator& authenticator, observe::Metrics& metrics);

/// The one `token` parameter of introspection and revocation; invalid_request where it is missing.
[[nodiscard]] oauth::Result<std::string_view> token_of(const oauth::Form& form);

/// The answer to a failure, with its log fields.
[[nodiscard]] http::Response failure(const oauth::Error& error, std::string client_id);

/// A JSON answer that no cache may keep (RFC 6749 §5.1).
[[nodiscard]] http::Response uncached(std::string body, std::string client_id);

}  // namespace grantd::endpoints
