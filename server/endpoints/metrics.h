/// GET /metrics of the operations listener (Prometheus text format 0.0.4).
#pragma once

#include <boost/asio/awaitable.hpp>

#include "server/http/message.h"
#include "server/observe/metrics.h"

namespace grantd::endpoints {

class MetricsEndpoint {
 public:
  explicit MetricsEndpoint(const observe::Metrics& metrics) : metrics_(metrics) {}
  boost::asio::awaitable<http::Response> handle(const http::Request& http) const;

 private:
  const observe::Metrics& metrics_;
};

}  // namespace grantd::endpoints
