/// Wall and monotonic time, injected so that tests can turn the clock.
///
/// Wall time is UTC. Whatever is stored or put into a token is whole seconds (`sys_seconds`).
/// Thread-safe.
#pragma once

#include <chrono>

namespace grantd {

using std::chrono::sys_seconds;
using WallTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime now() const = 0;
  /// For measuring how long something took or may take; never goes back.
  [[nodiscard]] virtual SteadyTime steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override { return std::chrono::system_clock::now(); }
  [[nodiscard]] SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

/// The second that has begun (`iat`).
[[nodiscard]] inline sys_seconds floor_seconds(WallTime t) {
  return std::chrono::floor<std::chrono::seconds>(t);
}

/// The next whole second: for times that must never come too early.
[[nodiscard]] inline sys_seconds ceil_seconds(WallTime t) {
  return std::chrono::ceil<std::chrono::seconds>(t);
}

}  // namespace grantd
