/// The thread that keeps this server near the database: follows changes, reads the database's
/// clock, and says how fresh what it knows is (docs/adr/0010).
///
/// Apart from maintenance, so that neither a key that is generated nor a sweep holds up a
/// revocation: it only reads, and waits for nothing but those readings.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "server/base/clock.h"
#include "server/base/freshness.h"
#include "server/base/snapshot.h"
#include "server/base/wake_hub.h"
#include "server/grants/policy.h"
#include "server/observe/log.h"
#include "server/observe/metrics.h"
#include "server/service/changes.h"
#include "server/service/storage_clock.h"
#include "server/tokens/revocations.h"
#include "storage/change_follower.h"
#include "storage/stores.h"

namespace grantd::service {

class Following {
 public:
  /// Between two rounds while a change of keys is not in force: it ages what this node knows.
  static constexpr std::chrono::milliseconds pause_behind{50};

  struct Dependencies {
    storage::PulseStore& storage;
    storage::ChangeFollower& follower;
    Changes& changes;
    StorageClock& clock;
    Freshness& freshness;
    const Snapshot<grants::Policy>& policy;  // clock_skew
    const tokens::Revocations& revocations;
    WakeHub& feed;  // readers of the revocation feed
    observe::Log& log;
    observe::Metrics& metrics;
    /// Whether a change of keys was read that no thread has brought into force yet.
    std::function<bool()> keys_behind{[] { return false; }};
  };
  explicit Following(Dependencies dependencies) : with_(std::move(dependencies)) {}

  /// The thread's body: a turn each ChangeFollower::interval, until `stop` is requested.
  void run(const std::stop_token& stop);

  /// One round: `change`, what it means, the clock. Throws nothing of its own.
  void turn();

 private:
  [[nodiscard]] storage::StoreResult<void> follow();
  [[nodiscard]] storage::StoreResult<void> ask();
  void report(const storage::StoreResult<void>& read);
  void lost(const storage::StoreError& error);
  void back();
  void say_when_grace_is_over();
  void judge_clock();

  Dependencies with_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  SteadyTime heard_at_{};  // before the outage
  bool grace_over_{false};
  bool clock_off_{false};
};

}  // namespace grantd::service
