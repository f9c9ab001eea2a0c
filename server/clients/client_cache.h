/// Clients with their secrets in memory: bounded, without entries for ids that do not exist.
///
/// Thread-safe. A hit takes one short lock of one shard and does not suspend, nor does a miss that
/// storage answers at once; any other reads it on the blocking pool. Entries are dropped by what
/// the change follower reads, so that a command's effect is seen within a second.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <expected>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/base/blocking_pool.h"
#include "storage/stores.h"

namespace grantd::clients {

using ClientPtr = std::shared_ptr<const storage::ClientWithSecrets>;

enum class LookupError { unknown, unavailable, queue_full };

class ClientCache {
 public:
  /// About 1 KB each.
  static constexpr std::size_t default_max_entries = 32768;

  /// `observe`: told of each lookup whether it was a hit; may be empty.
  ClientCache(storage::ClientStore& store, BlockingPool& pool,
              std::function<void(bool hit)> observe, std::size_t max_entries = default_max_entries);

  boost::asio::awaitable<std::expected<ClientPtr, LookupError>> find(std::string_view id);

  /// The client changed: the next find() reads storage, also one whose reading is under way.
  void drop(std::string_view id);
  void clear();

 private:
  struct Shard {
    std::mutex mutex;
    std::list<ClientPtr> recent;  // most recently used first
    // By the id inside the record itself.
    std::unordered_map<std::string_view, std::list<ClientPtr>::iterator> index;
  };
  static constexpr std::size_t shards = 16;

  [[nodiscard]] Shard& shard_of(std::string_view id);
  [[nodiscard]] std::function<storage::StoreResult<storage::ClientWithSecrets>()> reading(
      const std::string& id);
  [[nodiscard]] ClientPtr hit(std::string_view id);
  [[nodiscard]] std::expected<ClientPtr, LookupError> keep(
      storage::StoreResult<storage::ClientWithSecrets> read, std::uint64_t read_in_epoch);
  void insert(const ClientPtr& client, std::uint64_t read_in_epoch);

  storage::ClientStore& store_;
  BlockingPool& pool_;
  const std::function<void(bool)> observe_;
  const std::size_t max_entries_a_shard_;
  // Counts drops: what was read before one may be stale and is not kept.
  std::atomic<std::uint64_t> epoch_{0};
  std::array<Shard, shards> shards_;
};

}  // namespace grantd::clients
