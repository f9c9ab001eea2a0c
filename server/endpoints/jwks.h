/// GET /.well-known/jwks.json, the public signing keys (RFC 7517 §5); 503 from a node that no
/// longer knows which those are.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <chrono>

#include "server/base/clock.h"
#include "server/base/freshness.h"
#include "server/base/snapshot.h"
#include "server/http/message.h"
#include "server/keys/key_set.h"

namespace grantd::endpoints {

class JwksEndpoint {
 public:
  JwksEndpoint(const Snapshot<keys::KeySet>& keys, std::chrono::seconds max_age,
               const Freshness& freshness, const Clock& clock)
      : keys_(keys), max_age_(max_age), freshness_(freshness), clock_(clock) {}

  boost::asio::awaitable<http::Response> handle(const http::Request& http) const;
  /// A reload.
  void set_max_age(std::chrono::seconds max_age) { max_age_ = max_age; }

 private:
  const Snapshot<keys::KeySet>& keys_;
  std::atomic<std::chrono::seconds> max_age_;
  const Freshness& freshness_;
  const Clock& clock_;
};

}  // namespace grantd::endpoints
