/// The wall clock of the database, on a node that shares it: what is stored, compared or put into a
/// token by several nodes is of one clock, however theirs differ (docs/adr/0010).
///
/// Learns from readings of the database's clock; between two of them it goes on with this node's
/// steady clock, so that nobody who sets the node's wall clock moves it. Before the first reading,
/// and where the database has no clock (SQLite), it is the node's wall clock. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "server/base/clock.h"
#include "storage/stores.h"

namespace grantd::service {

class StorageClock final : public Clock {
 public:
  /// `node` outlives the object.
  explicit StorageClock(const Clock& node) : node_(node) {}

  [[nodiscard]] WallTime now() const override;
  [[nodiscard]] SteadyTime steady() const override { return node_.steady(); }

  /// Asks the database, and learns from the answer. False: it has no clock. Errors: unavailable.
  [[nodiscard]] storage::StoreResult<bool> ask(storage::PulseStore& storage);

  /// The database's clock stood at `database` at some moment since `sent`, when it was asked. The
  /// answer's way is unknown, so this bounds the time and does not name it: what was learnt before
  /// stays where it is within the bounds, which leaves time without jumps from one reading to the
  /// next, and slow readings without weight. By one thread at a time.
  void learn(WallTime database, SteadyTime sent);

  /// now(), where it is no further than `tolerance` from the node's own clock: one reading, so that
  /// nothing is learnt between looking at the time and trusting it.
  [[nodiscard]] std::optional<WallTime> now_within(std::chrono::nanoseconds tolerance) const;

  /// How far the database's clock is ahead of this node's; none before the first reading.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> ahead() const;

 private:
  static constexpr std::int64_t unknown = INT64_MIN;

  const Clock& node_;
  /// The database's wall clock minus the steady clock, in nanoseconds.
  std::atomic<std::int64_t> offset_{unknown};
};

}  // namespace grantd::service
