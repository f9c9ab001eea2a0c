#include "server/clients/last_used.h"

#include <algorithm>
#include <vector>

namespace grantd::clients {

void LastUsed::used(std::string_view secret_id, sys_seconds at) {
  const std::lock_guard lock(mutex_);
  const std::string id(secret_id);
  const auto found = pending_.find(id);
  if (found != pending_.end()) {
    found->second = std::max(found->second, at);
  } else if (pending_.size() < max_pending) {
    pending_.emplace(id, at);
  }
}

storage::StoreResult<void> LastUsed::flush(storage::ClientStore& store) {
  std::unordered_map<std::string, sys_seconds> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(pending_);
  }
  if (batch.empty()) return {};

  std::vector<storage::ClientStore::SecretUse> uses;
  uses.reserve(batch.size());
  for (const auto& [secret_id, at] : batch) uses.push_back({secret_id, at});
  auto written = store.record_secret_uses(uses);
  if (!written) {
    for (const auto& [secret_id, at] : batch) used(secret_id, at);
  }
  return written;
}

}  // namespace grantd::clients
