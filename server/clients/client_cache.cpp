#include "server/clients/client_cache.h"

#include <algorithm>
#include <iterator>
#include <utility>

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
  return *found->second;
}

boost::asio::awaitable<std::expected<ClientPtr, LookupError>> ClientCache::find(
    std::string_view id) {
  if (auto cached = hit(id)) {
    if (observe_) observe_(true);
    co_return cached;
  }
  if (observe_) observe_(false);

  const auto epoch = epoch_.load();
  if (auto at_once = store_.find_client_at_once(id)) co_return keep(std::move(*at_once), epoch);
  auto read = co_await pool_.run(reading(std::string(id)));
  if (!read) co_return std::unexpected(LookupError::queue_full);
  co_return keep(std::move(*read), epoch);
}

std::expected<ClientPtr, LookupError> ClientCache::keep(
    storage::StoreResult<storage::ClientWithSecrets> read, std::uint64_t read_in_epoch) {
  if (!read) return std::unexpected(lookup_error(read.error()));
  auto client = std::make_shared<const storage::ClientWithSecrets>(std::move(*read));
  insert(client, read_in_epoch);
  return client;
}

std::function<storage::StoreResult<storage::ClientWithSecrets>()> ClientCache::reading(
    const std::string& id) {
  return [&store = store_, id] { return store.find_client(id); };
}

void ClientCache::insert(const ClientPtr& client, std::uint64_t read_in_epoch) {
  const std::string_view id = client->client.id;
  ClientPtr evicted;  // its many parts are freed without the lock
  auto& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  // drop() raises the epoch before it takes this lock: either it is seen here, or it finds the
  // entry and drops it.
  if (epoch_.load() != read_in_epoch || shard.index.contains(id)) return;
  if (shard.recent.size() < max_entries_a_shard_) {
    shard.recent.push_front(client);
    shard.index.emplace(id, shard.recent.begin());
    return;
  }
  // Full: the nodes of the least recently used one serve anew.
  auto node = shard.index.extract(shard.recent.back()->client.id);
  evicted = std::exchange(shard.recent.back(), client);
  shard.recent.splice(shard.recent.begin(), shard.recent, std::prev(shard.recent.end()));
  node.key() = id;
  node.mapped() = shard.recent.begin();
  shard.index.insert(std::move(node));
}

void ClientCache::drop(std::string_view id) {
  epoch_.fetch_add(1);
  auto& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(id);
  if (found == shard.index.end()) return;
  const auto entry = found->second;  // holds the key
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
