#include "server/endpoints/jwks.h"

#include "server/endpoints/document.h"

namespace grantd::endpoints {

boost::asio::awaitable<http::Response> JwksEndpoint::handle(const http::Request& http) const {
  const auto keys = keys_.get();
  co_return document(http, keys->jwks(), keys->jwks_etag(), max_age_.load());
}

}  // namespace grantd::endpoints
