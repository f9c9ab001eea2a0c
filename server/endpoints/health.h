/// GET /healthz and /readyz of the operations listener: the process lives; it can issue tokens, and
/// will go on doing so.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <string_view>

#include "server/base/clock.h"
#include "server/base/freshness.h"
#include "server/base/snapshot.h"
#include "server/http/message.h"
#include "server/keys/key_set.h"

namespace grantd::endpoints {

class HealthEndpoint {
 public:
  struct Dependencies {
    /// Kept up to date by another thread; asking storage here would block.
    const Freshness& freshness;
    const Snapshot<keys::KeySet>& keys;
    /// The server was told to stop: the load should go elsewhere while it still serves.
    const std::atomic<bool>& leaving;
    const Clock& clock;
  };
  explicit HealthEndpoint(Dependencies dependencies) : with_(dependencies) {}

  boost::asio::awaitable<http::Response> live(const http::Request& http) const;
  boost::asio::awaitable<http::Response> ready(const http::Request& http) const;

 private:
  /// Empty where it is.
  [[nodiscard]] std::string_view why_not_ready() const;

  const Dependencies with_;
};

}  // namespace grantd::endpoints
