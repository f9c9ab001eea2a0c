/// What a row of `change` means to this server: which cached client goes, which revocation comes
/// into force, when keys are looked at anew (architecture.md, "How nodes and commands hear of a
/// change").
///
/// Used by one thread: the following one, once the server runs. It never touches the keys, which
/// belong to the maintenance thread, but says that they changed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "server/base/wake_hub.h"
#include "server/clients/client_cache.h"
#include "server/observe/log.h"
#include "server/tokens/revocations.h"
#include "server/tokens/status_indexes.h"
#include "server/tokens/status_lists.h"
#include "storage/change_follower.h"
#include "storage/stores.h"

namespace grantd::service {

class Changes {
 public:
  /// Revocations read at once.
  static constexpr std::size_t batch = 1000;

  struct Targets {
    storage::RevocationStore& store;
    storage::RevocationFeedStore& news;
    clients::ClientCache& clients;
    tokens::Revocations& revocations;
    tokens::StatusLists& status_lists;
    tokens::StatusIndexes& status_indexes;
    /// Must not block. `then_wake`: the feed's readers are to be woken once the keys were looked
    /// at.
    std::function<void(bool then_wake)> keys_changed;
    WakeHub& feed;  // readers of the revocation feed
    observe::Log& log;
  };
  explicit Changes(Targets targets) : with_(std::move(targets)) {}

  [[nodiscard]] storage::ChangeFollower::Subscriber subscriber();

  /// All live revocations and not-before times; at the start, and where rows were missed.
  [[nodiscard]] storage::StoreResult<void> load_revocations();

  /// After each poll that succeeded: what is done once for many rows, and what a failed reading
  /// left to be done. All that was read is in force when it returns without an error.
  [[nodiscard]] storage::StoreResult<void> settle();

 private:
  void apply(const storage::Change& change);
  void revoked_at(std::int64_t seq);
  [[nodiscard]] storage::StoreResult<void> read_revocations();
  void take_over(const storage::Revocation& revocation);
  void take_over(const storage::NotBefore& not_before);

  Targets with_;
  bool keys_changed_{false};
  bool key_compromised_{false};
  bool feed_has_news_{false};
  /// The cursor behind which lie revocations that were not read yet.
  std::optional<std::int64_t> unread_;
};

}  // namespace grantd::service
