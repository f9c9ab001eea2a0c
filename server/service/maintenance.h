/// The one thread for everything that is due by the clock and may take its time: key rotation,
/// last-used times, sweeping what has expired, and reloads. Changes are followed by another one
/// (service::Following).
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "server/base/clock.h"
#include "server/base/freshness.h"
#include "server/base/snapshot.h"
#include "server/base/wake_hub.h"
#include "server/clients/last_used.h"
#include "server/grants/policy.h"
#include "server/keys/key_ring.h"
#include "server/observe/log.h"
#include "server/observe/metrics.h"
#include "server/service/reloader.h"
#include "server/service/storage_clock.h"
#include "server/service/sweeper.h"
#include "server/tokens/revocations.h"
#include "server/tokens/status_lists.h"
#include "storage/stores.h"

namespace grantd::service {

class Maintenance {
 public:
  static constexpr std::chrono::milliseconds interval{250};

  struct Dependencies {
    storage::Storage& storage;
    keys::KeyRing& keys;
    clients::LastUsed& last_used;
    tokens::Revocations& revocations;
    tokens::StatusLists& status_lists;
    const Snapshot<grants::Policy>& policy;
    Reloader& reloader;
    const Freshness& freshness;
    WakeHub& feed;  // readers of the revocation feed
    const StorageClock& clock;
    observe::Log& log;
    observe::Metrics& metrics;
  };
  explicit Maintenance(Dependencies dependencies);

  /// The thread's body; ends soon after `stop` is requested, with the last-used times written.
  void run(const std::stop_token& stop);

  /// From any thread: reload soon.
  void request_reload();
  /// From any thread: look at the keys anew, at once; then wake the feed's readers, where asked to.
  void keys_changed(bool then_wake);

 private:
  /// What other threads asked for.
  struct Asked {
    bool reload{false};
    bool keys{false};
    bool wake{false};
  };
  [[nodiscard]] Asked wait(const std::stop_token& stop);
  void turn(const Asked& asked);
  void tend_keys(bool changed);
  void flush_last_used(clients::LastUsed::Extent extent);
  [[nodiscard]] bool keys_wait();

  Dependencies with_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  Asked asked_;
  SteadyTime next_flush_{};
  Sweeper sweeper_;
};

}  // namespace grantd::service
