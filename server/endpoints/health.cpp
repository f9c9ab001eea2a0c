#include "server/endpoints/health.h"

namespace grantd::endpoints {
namespace {

http::Response answer(unsigned status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  response.headers.push_back({"Cache-Control", "no-store"});
  return response;
}

}  // namespace

boost::asio::awaitable<http::Response> HealthEndpoint::live(const http::Request& /*http*/) const {
  co_return answer(200, R"({"status":"alive"})");
}

boost::asio::awaitable<http::Response> HealthEndpoint::ready(const http::Request& /*http*/) const {
  const auto keys = keys_.get();
  if (!storage_answers_) {
    co_return answer(503, R"({"status":"not ready","reason":"storage does not answer"})");
  }
  if (!keys || !keys->signing()) {
    co_return answer(503, R"({"status":"not ready","reason":"no key may sign"})");
  }
  co_return answer(200, R"({"status":"ready"})");
}

}  // namespace grantd::endpoints
