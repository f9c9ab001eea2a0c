#include "server/service/status_lists.h"

namespace grantd::service {

tokens::StatusIndexes::Reserve reserve_from(storage::StatusListStore& store,
                                            tokens::StatusLists& lists, observe::Metrics& metrics,
                                            const config::Config::StatusLists& settings) {
  // Both are bounded by the configuration, far below 2^32.
  const auto capacity = static_cast<std::uint32_t>(settings.capacity);
  const auto block = static_cast<std::uint32_t>(settings.block);
  return [&store, &lists, &metrics, capacity,
          block](sys_seconds ends_at) -> std::optional<tokens::StatusIndexBlock> {
    const auto reserved = store.reserve_status_block(ends_at, capacity, block);
    if (!reserved) {
      metrics.storage_failed();
      return std::nullopt;
    }
    const auto& list = reserved->list;
    lists.know({list.id, list.expires_at, list.capacity});
    return tokens::StatusIndexBlock{list.id, reserved->first, list.next_index};
  };
}

tokens::StatusIndexes::Settings status_indexes_of(const config::Config& config) {
  tokens::StatusIndexes::Settings settings;
  settings.window = config.status_lists.window;
  settings.block = static_cast<std::uint32_t>(config.status_lists.block);
  if (config.storage.backend == config::StorageBackend::postgresql) {
    settings.ahead = config.storage.offline_grace;
  }
  return settings;
}

}  // namespace grantd::service
