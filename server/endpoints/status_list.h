/// GET /status/{id}, a Token Status List, and GET /status, which of them there are
/// (draft-ietf-oauth-status-list, "Status List Request", "Status List Aggregation"). Open to all:
/// a list says which entries are revoked, not whose they are.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "server/base/blocking_pool.h"
#include "server/base/clock.h"
#include "server/base/freshness.h"
#include "server/base/snapshot.h"
#include "server/endpoints/status_list_documents.h"
#include "server/grants/policy.h"
#include "server/http/message.h"
#include "server/oauth/error.h"
#include "server/tokens/status_lists.h"
#include "storage/stores.h"

namespace grantd::endpoints {

class StatusListEndpoint {
 public:
  struct Dependencies {
    std::string issuer;
    StatusListDocuments& documents;
    tokens::StatusLists& lists;
    /// For lists that another process made.
    storage::StatusListStore& store;
    BlockingPool& pool;
    const Snapshot<grants::Policy>& policy;
    const Freshness& freshness;
    const Clock& clock;
  };
  explicit StatusListEndpoint(Dependencies dependencies) : with_(std::move(dependencies)) {}

  /// One list; its id is the path's last segment.
  boost::asio::awaitable<http::Response> handle(const http::Request& http) const;
  /// The URIs of all live ones.
  boost::asio::awaitable<http::Response> aggregate(const http::Request& http) const;

 private:
  /// Anybody may ask, so what must be read from storage is bounded: the same queue serves /revoke.
  static constexpr int max_reading = 16;

  /// Whether the bits here are those of the database; else the error to answer with.
  [[nodiscard]] oauth::Result<void> check_current() const;
  boost::asio::awaitable<oauth::Result<void>> make_known(std::uint64_t id) const;
  [[nodiscard]] bool is_alive(std::uint64_t id) const;
  [[nodiscard]] sys_seconds dead_if_expired_at() const;

  const Dependencies with_;
  mutable std::atomic<int> reading_{0};
};

}  // namespace grantd::endpoints
