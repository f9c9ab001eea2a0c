/// POST /revoke, token revocation (RFC 7009): on disk before it is acknowledged.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>

#include "server/base/blocking_pool.h"
#include "server/base/clock.h"
#include "server/base/freshness.h"
#include "server/base/snapshot.h"
#include "server/base/wake_hub.h"
#include "server/endpoints/client_request.h"
#include "server/grants/policy.h"
#include "server/tokens/resolver.h"
#include "server/tokens/revocations.h"
#include "server/tokens/status_lists.h"
#include "storage/stores.h"

namespace grantd::endpoints {

class RevokeEndpoint {
 public:
  struct Dependencies {
    clients::Authenticator& authenticator;
    const tokens::Resolver& resolver;
    const Snapshot<grants::Policy>& policy;
    storage::RevocationStore& store;
    tokens::Revocations& revocations;
    tokens::StatusLists& status_lists;
    BlockingPool& pool;
    const Freshness& freshness;
    const Clock& clock;
    observe::Metrics& metrics;
    WakeHub& feed;  // readers of the revocation feed
  };
  explicit RevokeEndpoint(Dependencies dependencies) : with_(dependencies) {}

  boost::asio::awaitable<http::Response> handle(const http::Request& http) const;

 private:
  /// An access token or a transaction token.
  boost::asio::awaitable<std::expected<tokens::VerifiedToken, tokens::Unresolved>> resolve(
      std::string_view token) const;
  boost::asio::awaitable<oauth::Result<void>> store(const tokens::Claims& claims,
                                                    const std::string& client_id) const;
  [[nodiscard]] std::function<storage::StoreResult<void>()> writing(
      const std::string& jti, sys_seconds expires_at, const std::string& client_id) const;

  Dependencies with_;
};

}  // namespace grantd::endpoints
