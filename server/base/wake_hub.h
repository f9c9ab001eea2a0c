/// Where coroutines of many event loops wait for one piece of news, and any thread wakes them.
///
/// Nothing is lost between looking and waiting: who wants to wait takes generation() first, then
/// looks at what it waits for, then waits with that generation, and a wake() in between ends the
/// wait at once. Thread-safe; wait() belongs to the loop that runs the coroutine. The loops outlive
/// the last call of wake().
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "server/base/clock.h"

namespace grantd {

class WakeHub {
 public:
  /// What wake_sparingly() leaves between two wakes.
  static constexpr std::chrono::milliseconds sparing{100};

  enum class Woken { by_news, by_time, too_many, closed };

  WakeHub() = default;
  WakeHub(const WakeHub&) = delete;
  WakeHub& operator=(const WakeHub&) = delete;
  ~WakeHub() = default;

  /// Counts the wakes.
  [[nodiscard]] std::uint64_t generation() const;

  /// Until the generation is not `seen` any more, `until` has come, or the hub is closed; at once
  /// where `max_waiting` wait already.
  boost::asio::awaitable<Woken> wait(std::uint64_t seen, SteadyTime until, std::size_t max_waiting);

  void wake();
  /// For news that come in bursts, where somebody calls wake() soon anyway: wakes unless the last
  /// wake was less than `sparing` ago.
  void wake_sparingly(SteadyTime now);
  /// All waits end, and later ones do not begin.
  void close();

 private:
  using Timer = boost::asio::steady_timer;
  struct Waiter {
    boost::asio::any_io_executor executor;
    // Owned by the coroutine: it must go with its loop, never with a thread that wakes.
    std::weak_ptr<Timer> timer;
  };
  using Waiters = std::map<std::uint64_t, Waiter>;

  /// A waiter's entry, for as long as it waits.
  class Place {
   public:
    Place(WakeHub& hub, std::uint64_t seen, std::size_t max_waiting,
          const std::shared_ptr<Timer>& timer);
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place();
    /// Why there is nothing to wait for.
    [[nodiscard]] std::optional<Woken> refusal() const { return refusal_; }

   private:
    WakeHub& hub_;
    std::uint64_t number_{0};
    std::optional<Woken> refusal_;
  };

  [[nodiscard]] Woken outcome(std::uint64_t seen) const;
  static void end(const Waiters& waiters);

  mutable std::mutex mutex_;
  std::uint64_t generation_{0};
  std::uint64_t next_number_{0};
  std::optional<SteadyTime> woken_at_;  // by wake_sparingly()
  bool closed_{false};
  Waiters waiters_;
};

}  // namespace grantd
