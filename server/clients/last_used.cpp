#include "server/clients/last_used.h"

#include <algorithm>
#include <vector>

namespace grantd::clients {

void LastUsed::used(std::string_view secret_id, sys_seconds at) {
  const std::lock_guard lock(mutex_);
  std::string id(secret_id);
  const auto found = uses_.find(id);
  if (found != uses_.end()) {
    found->second.at = std::max(found->second.at, at);
  } else if (uses_.size() < max_secrets) {
    uses_.emplace(std::move(id), Use{at, {}});
  }
}

storage::StoreResult<void> LastUsed::flush(storage::ClientStore& store, sys_seconds now,
                                           Extent extent) {
  std::vector<storage::ClientStore::SecretUse> batch;
  {
    const std::lock_guard lock(mutex_);
    const auto is_due = [&](const Use& use) {
      return use.is_new() &&
             (extent == Extent::all || !use.written || use.at - *use.written >= resolution);
    };
    for (const auto& [secret_id, use] : uses_) {
      if (is_due(use)) batch.push_back({secret_id, use.at});
    }
    // Room for others: one that comes back later is written as if for the first time.
    std::erase_if(uses_, [&](const auto& each) {
      return !each.second.is_new() && now - each.second.at >= resolution;
    });
  }
  if (batch.empty()) return {};

  auto written = store.record_secret_uses(batch);
  if (!written) return written;
  const std::lock_guard lock(mutex_);
  for (const auto& [secret_id, at] : batch) {
    if (const auto found = uses_.find(secret_id); found != uses_.end()) found->second.written = at;
  }
  return written;
}

}  // namespace grantd::clients
