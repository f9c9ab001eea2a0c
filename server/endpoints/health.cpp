#include "server/endpoints/health.h"

#include <string>
#include <utility>

namespace grantd::endpoints {
namespace {

http::Response answer(unsigned status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  response.headers.push_back({"Cache-Control", "no-store"});
  return response;
}

std::string_view sentence(Freshness::Doubt doubt) {
  switch (doubt) {
    case Freshness::Doubt::stale:
    case Freshness::Doubt::grace_over:
      return "storage has not answered for longer than storage.offline_grace";
    case Freshness::Doubt::clock_off:
      return "the clock is further from the database's than tokens.clock_skew";
  }
  std::unreachable();
}

}  // namespace

boost::asio::awaitable<http::Response> HealthEndpoint::live(const http::Request& /*http*/) const {
  co_return answer(200, R"({"status":"alive"})");
}

boost::asio::awaitable<http::Response> HealthEndpoint::ready(const http::Request& /*http*/) const {
  const auto why = why_not_ready();
  if (!why.empty()) {
    co_return answer(503, R"({"status":"not ready","reason":")" + std::string(why) + "\"}");
  }
  co_return answer(200, R"({"status":"ready"})");
}

std::string_view HealthEndpoint::why_not_ready() const {
  if (with_.leaving) return "the server is about to stop";
  // A database that nodes share may be away for a while, and all of them would go at once; that of
  // this server alone is away from nobody else.
  if (!with_.freshness.is_shared() && !with_.freshness.answers()) return "storage does not answer";
  if (const auto doubt = with_.freshness.doubts_issuing(with_.clock.steady())) {
    return sentence(*doubt);
  }
  const auto keys = with_.keys.get();
  if (!keys || !keys->signing()) return "no key may sign";
  return {};
}

}  // namespace grantd::endpoints
