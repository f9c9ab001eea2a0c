/// When each secret was last used, gathered in memory and written in batches off the request path.
///
/// A first use is written with the next batch, later ones once `resolution` has passed since what
/// was written: what it is for is counted in days, and nodes times clients rows every few seconds
/// would be more than all other writes together. A batch has a limit, too, and takes those that
/// have waited longest: a million clients that are all in use would else be a write for each token.
/// Losing a batch in a crash loses no more than that; failing to write one never fails a token.
/// Thread-safe; used() takes the short lock of one shard, and allocates for a newcomer alone.
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/base/clock.h"
#include "storage/stores.h"

namespace grantd::clients {

class LastUsed {
 public:
  static constexpr std::chrono::seconds flush_interval{5};
  static constexpr std::chrono::seconds resolution{60};
  /// Secrets; what is used beyond is not known of until a later use finds room.
  static constexpr std::size_t max_secrets = 65536;
  /// Secrets that one flush() writes where it writes what is due.
  static constexpr std::size_t max_batch = 1000;

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
    sys_seconds first{};
    std::optional<sys_seconds> written{};
    [[nodiscard]] bool is_new() const { return !written || at > *written; }
    /// When it has a right to be written.
    [[nodiscard]] sys_seconds due() const { return written ? *written + resolution : first; }
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>{}(id); }
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Use, Hash, std::equal_to<>> uses;
  };
  struct Pending {
    sys_seconds due{};
    storage::ClientStore::SecretUse use{};
  };
  static constexpr std::size_t shards = 16;

  [[nodiscard]] Shard& shard_of(std::string_view secret_id);
  [[nodiscard]] std::vector<Pending> gather(sys_seconds now, Extent extent);

  std::array<Shard, shards> shards_;
};

}  // namespace grantd::clients
