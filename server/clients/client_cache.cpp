#include "server/clients/client_cache.h"

#include <algorithm>

namespace grantd::clients {
namespace {

LookupError lookup_error(const storage::StoreError& error) {
  return error.code == storage::StoreErrorCode::not_found ? LookupError::unknown
                                                          : LookupError::unavailable;
}

}  // namespace

ClientCache::ClientCache(storage::ClientStore& store, BlockingPool& pool,
                         std::function<void(bool)> observe, std::size_t max_entries)
    : store_(store),
      pool_(pool),
      observe_(std::move(observe)),
      max_entries_a_shard_(std::max(max_entries / shards, std::size_t{1})) {}

ClientCache::Shard& ClientCache::shard_of(std::string_view id) {
  return shards_[std::hash<std::string_view>{}(id) % shards];
}

ClientPtr ClientCache::hit(std::string_view id) {
  auto& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(id);
  if (found == shard.index.end()) return nullptr;
  shard.recent.splice(shard.recent.begin(), shard.recent, found->second);
  return found->second->second;
}

boost::asio::awaitable<std::expected<ClientPtr, LookupError>> ClientCache::find(
    std::string_view id) {
  if (auto cached = hit(id)) {
    if (observe_) observe_(true);
    co_return cached;
  }
  if (observe_) observe_(false);

  const auto epoch = epoch_.load();
  const std::string owned(id);
  auto read = co_await pool_.run(reading(owned));
  if (!read) co_return std::unexpected(LookupError::queue_full);
  if (!*read) co_return std::unexpected(lookup_error((*read).error()));
  auto client = std::make_shared<const storage::ClientWithSecrets>(std::move(**read));
  insert(owned, client, epoch);
  co_return client;
}

std::function<storage::StoreResult<storage::ClientWithSecrets>()> ClientCache::reading(
    const std::string& id) {
  return [&store = store_, id] { return store.find_client(id); };
}

void ClientCache::insert(const std::string& id, ClientPtr client, std::uint64_t read_in_epoch) {
  auto& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  // drop() raises the epoch before it takes this lock: either it is seen here, or it finds the
  // entry and drops it.
  if (epoch_.load() != read_in_epoch || shard.index.contains(id)) return;
  shard.recent.emplace_front(id, std::move(client));
  shard.index.emplace(shard.recent.front().first, shard.recent.begin());
  if (shard.recent.size() > max_entries_a_shard_) {
    shard.index.erase(shard.recent.back().first);
    shard.recent.pop_back();
  }
}

void ClientCache::drop(std::string_view id) {
  epoch_.fetch_add(1);
  auto& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(id);
  if (found == shard.index.end()) return;
  const auto entry = found->second;
  shard.index.erase(found);
  shard.recent.erase(entry);
}

void ClientCache::clear() {
  epoch_.fetch_add(1);
  for (auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    shard.index.clear();
    shard.recent.clear();
  }
}

}  // namespace grantd::clients
