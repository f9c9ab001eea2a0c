/// GET /healthz and /readyz of the operations listener: the process lives; it can issue tokens.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>

#include "server/base/snapshot.h"
#include "server/http/message.h"
#include "server/keys/key_set.h"

namespace grantd::endpoints {

class HealthEndpoint {
 public:
  /// `storage_answers`: kept up to date by the maintenance thread; asking storage here would block.
  HealthEndpoint(const std::atomic<bool>& storage_answers, const Snapshot<keys::KeySet>& keys)
      : storage_answers_(storage_answers), keys_(keys) {}

  boost::asio::awaitable<http::Response> live(const http::Request& http) const;
  boost::asio::awaitable<http::Response> ready(const http::Request& http) const;

 private:
  const std::atomic<bool>& storage_answers_;
  const Snapshot<keys::KeySet>& keys_;
};

}  // namespace grantd::endpoints
