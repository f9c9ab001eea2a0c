/// POST /revoke, token revocation (RFC 7009): on disk before it is acknowledged, together with
/// those that come at the same time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <string>

#include "server/base/blocking_pool.h"
#include "server/base/clock.h"
#include "server/base/freshness.h"
#include "server/base/group_writer.h"
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
  /// Revocations that wait to be written; one more is refused.
  static constexpr std::size_t max_pending = 1024;
  /// Revocations in one transaction, so that none holds the database for long.
  static constexpr std::size_t max_group = 256;

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
  /// Outlives the pool's threads.
  explicit RevokeEndpoint(Dependencies dependencies);

  boost::asio::awaitable<http::Response> handle(const http::Request& http);

 private:
  /// An access token or a transaction token.
  boost::asio::awaitable<std::expected<tokens::VerifiedToken, tokens::Unresolved>> resolve(
      std::string_view token) const;
  boost::asio::awaitable<oauth::Result<void>> store(const tokens::Claims& claims,
                                                    const std::string& client_id);

  Dependencies with_;
  GroupWriter<storage::PendingRevocation, storage::StoreResult<void>> writer_;
};

}  // namespace grantd::endpoints
