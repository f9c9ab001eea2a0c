/// What a row of `change` means to this server: which cached client goes, which revocation comes
/// into force, when keys are looked at anew (architecture.md, "How nodes and commands hear of a
/// change").
///
/// Used by one thread, the maintenance thread.
#pragma once

#include "server/base/wake_hub.h"
#include "server/clients/client_cache.h"
#include "server/keys/key_ring.h"
#include "server/observe/log.h"
#include "server/tokens/revocations.h"
#include "server/tokens/status_indexes.h"
#include "server/tokens/status_lists.h"
#include "storage/change_follower.h"
#include "storage/stores.h"

namespace grantd::service {

class Changes {
 public:
  struct Targets {
    storage::RevocationStore& store;
    clients::ClientCache& clients;
    tokens::Revocations& revocations;
    tokens::StatusLists& status_lists;
    tokens::StatusIndexes& status_indexes;
    keys::KeyRing& keys;
    WakeHub& feed;  // readers of the revocation feed
    const Clock& clock;
    observe::Log& log;
  };
  explicit Changes(Targets targets) : with_(targets) {}

  [[nodiscard]] storage::ChangeFollower::Subscriber subscriber();

  /// All live revocations and not-before times; at the start, and where rows were missed.
  [[nodiscard]] storage::StoreResult<void> load_revocations();

  /// After each poll: what is done once for many rows, and what a failed read left to be done.
  void settle();

 private:
  void apply(const storage::Change& change);
  void apply_revocation(const std::string& jti);
  void take_over(const storage::Revocation& revocation);
  [[nodiscard]] storage::StoreResult<void> load_not_before();

  Targets with_;
  bool keys_changed_{false};
  bool feed_has_news_{false};
  bool not_before_behind_{false};
  bool revocations_behind_{false};
};

}  // namespace grantd::service
