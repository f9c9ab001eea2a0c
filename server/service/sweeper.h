/// Deletes what has expired, from the database and from memory, a share a turn.
///
/// What is gone too early cannot be had back: a revocation that is swept while its token lives
/// makes the token active for good. So nothing is swept by a time that this node has reason to
/// doubt, and, where other nodes sweep the same rows, nothing before it has been expired for a
/// while (docs/adr/0010). Called by one thread; blocks.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <utility>

#include "server/base/clock.h"
#include "server/base/freshness.h"
#include "server/base/snapshot.h"
#include "server/grants/policy.h"
#include "server/service/storage_clock.h"
#include "server/tokens/revocations.h"
#include "server/tokens/status_lists.h"
#include "storage/stores.h"

namespace grantd::service {

class Sweeper {
 public:
  static constexpr std::chrono::seconds interval{60};
  static constexpr std::size_t rows = 1000;
  static constexpr std::size_t rounds = 100;
  /// Of opaque tokens, a turn; four turns a second.
  static constexpr std::size_t reference_rows = 1000;
  /// How long the operators' log of changes is kept; a reader that was away longer loads anew.
  static constexpr std::chrono::days keep_changes{30};
  /// Of a database that nodes share: for how long, beyond tokens.clock_skew, what has expired
  /// stays.
  static constexpr std::chrono::minutes keep_expired{10};

  struct Dependencies {
    storage::Storage& storage;
    tokens::Revocations& revocations;
    tokens::StatusLists& status_lists;
    const Snapshot<grants::Policy>& policy;  // clock_skew
    const Freshness& freshness;
    const StorageClock& clock;
    /// Whether something more urgent waits for this thread; the rest then goes with the next sweep.
    std::function<bool()> urged{[] { return false; }};
  };
  explicit Sweeper(Dependencies dependencies) : with_(std::move(dependencies)) {}

  /// What is due; nothing while the clock is not trusted.
  void turn();

 private:
  void sweep(sys_seconds now);
  void sweep_references(sys_seconds now);
  [[nodiscard]] std::chrono::seconds margin() const;

  Dependencies with_;
  SteadyTime next_{};
  bool references_left_{false};  // expired ones that the last turn did not get to
};

}  // namespace grantd::service
