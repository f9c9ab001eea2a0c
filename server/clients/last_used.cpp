#include "server/clients/last_used.h"

#include <algorithm>

namespace grantd::clients {

LastUsed::Shard& LastUsed::shard_of(std::string_view secret_id) {
  return shards_[Hash{}(secret_id) % shards];
}

void LastUsed::used(std::string_view secret_id, sys_seconds at) {
  auto& shard = shard_of(secret_id);
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.uses.find(secret_id); found != shard.uses.end()) {
    found->second.at = std::max(found->second.at, at);
  } else if (shard.uses.size() < max_secrets / shards) {
    shard.uses.emplace(secret_id, Use{at, at, {}});
  }
}

/// What is to be written; and makes room for others: one that comes back later is written as if for
/// the first time.
std::vector<LastUsed::Pending> LastUsed::gather(sys_seconds now, Extent extent) {
  std::vector<Pending> pending;
  for (auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [secret_id, use] : shard.uses) {
      if (use.is_new() && (extent == Extent::all || now >= use.due())) {
        pending.push_back({use.due(), {secret_id, use.at}});
      }
    }
    std::erase_if(shard.uses, [&](const auto& each) {
      return !each.second.is_new() && now - each.second.at >= resolution;
    });
  }
  return pending;
}

storage::StoreResult<void> LastUsed::flush(storage::ClientStore& store, sys_seconds now,
                                           Extent extent) {
  auto pending = gather(now, extent);
  if (extent == Extent::due && pending.size() > max_batch) {
    std::ranges::nth_element(pending, pending.begin() + max_batch, {}, &Pending::due);
    pending.resize(max_batch);
  }
  if (pending.empty()) return {};

  std::vector<storage::ClientStore::SecretUse> batch;
  batch.reserve(pending.size());
  for (auto& each : pending) batch.push_back(std::move(each.use));
  auto written = store.record_secret_uses(batch);
  if (!written) return written;
  for (const auto& [secret_id, at] : batch) {
    auto& shard = shard_of(secret_id);
    const std::lock_guard lock(shard.mutex);
    if (const auto found = shard.uses.find(secret_id); found != shard.uses.end()) {
      found->second.written = at;
    }
  }
  return written;
}

}  // namespace grantd::clients
