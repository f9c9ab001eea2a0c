#include "server/endpoints/metrics.h"

namespace grantd::endpoints {

boost::asio::awaitable<http::Response> MetricsEndpoint::handle(
    const http::Request& /*http*/) const {
  http::Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = metrics_.text();
  co_return response;
}

}  // namespace grantd::endpoints
