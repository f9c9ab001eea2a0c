/// A clock that stands still until a test turns it.
#pragma once

#include <chrono>
#include <mutex>

#include "server/base/clock.h"

namespace grantd::testing {

/// Thread-safe.
class ManualClock final : public Clock {
 public:
  /// 2026-01-01T00:00:00Z, a whole second.
  static constexpr sys_seconds start{std::chrono::seconds{1767225600}};

  explicit ManualClock(WallTime now = start) : now_(now) {}

  [[nodiscard]] WallTime now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  [[nodiscard]] SteadyTime steady() const override {
    const std::lock_guard lock(mutex_);
    return steady_;
  }

  /// Time passes.
  void advance(std::chrono::nanoseconds by) {
    const std::lock_guard lock(mutex_);
    now_ += std::chrono::duration_cast<WallTime::duration>(by);
    steady_ += by;
  }
  /// Somebody sets the clock: no time passes.
  void step(std::chrono::nanoseconds by) {
    const std::lock_guard lock(mutex_);
    now_ += std::chrono::duration_cast<WallTime::duration>(by);
  }

 private:
  mutable std::mutex mutex_;
  WallTime now_;
  SteadyTime steady_{};
};

}  // namespace grantd::testing
