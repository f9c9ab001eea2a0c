/// When each secret was last used, gathered in memory and written in batches off the request path.
///
/// Losing a batch in a crash loses at most an interval's worth; failing to write one never fails a
/// token. Thread-safe.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/base/clock.h"
#include "storage/stores.h"

namespace grantd::clients {

class LastUsed {
 public:
  static constexpr std::chrono::seconds flush_interval{5};
  static constexpr std::size_t max_pending = 65536;

  void used(std::string_view secret_id, sys_seconds at);

  /// Writes what was gathered; blocks. What could not be written is kept for the next time.
  [[nodiscard]] storage::StoreResult<void> flush(storage::ClientStore& store);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, sys_seconds> pending_;
};

}  // namespace grantd::clients
