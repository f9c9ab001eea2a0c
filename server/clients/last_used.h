/// When each secret was last used, gathered in memory and written in batches off the request path.
///
/// A first use is written with the next batch, later ones once they are `resolution` behind what
/// was written: what it is for is counted in days, and nodes times clients rows every few seconds
/// would be more than all other writes together. Losing a batch in a crash loses no more than that;
/// failing to write one never fails a token. Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/base/clock.h"
#include "storage/stores.h"

namespace grantd::clients {

class LastUsed {
 public:
  static constexpr std::chrono::seconds flush_interval{5};
  static constexpr std::chrono::seconds resolution{60};
  /// Secrets; what is used beyond is written once there is room again.
  static constexpr std::size_t max_secrets = 65536;

  void used(std::string_view secret_id, sys_seconds at);

  enum class Extent {
    due,
    all,  // a server that stops
  };
  /// Writes what was gathered; blocks. By one thread at a time. What could not be written is kept
  /// for the next time.
  [[nodiscard]] storage::StoreResult<void> flush(storage::ClientStore& store, sys_seconds now,
                                                 Extent extent);

 private:
  struct Use {
    sys_seconds at{};
    std::optional<sys_seconds> written{};
    [[nodiscard]] bool is_new() const { return !written || at > *written; }
  };

  std::mutex mutex_;
  std::unordered_map<std::string, Use> uses_;
};

}  // namespace grantd::clients
