#include "server/endpoints/jwks.h"

#include "server/endpoints/document.h"
#include "server/http/error_response.h"
#include "server/oauth/doubt.h"

namespace grantd::endpoints {

boost::asio::awaitable<http::Response> JwksEndpoint::handle(const http::Request& http) const {
  if (const auto doubt = freshness_.doubts_issuing(clock_.steady())) {
    co_return http::error_response(oauth::must_not_answer(*doubt));
  }
  const auto keys = keys_.get();
  co_return document(http, keys->jwks(), keys->jwks_etag(), max_age_.load());
}

}  // namespace grantd::endpoints
