/// Hands out the entries of Token Status Lists, one a token, without writing
/// anything per token.
///
/// Lists are laid out by expiry: one window of time, one list (or several,
/// where it is full), so that a list dies when the last of its tokens has
/// expired. Indexes come from blocks that are reserved in storage ahead of
/// their use, one window at a time, while the block before is used up; what is
/// left of a block at a restart is lost. Thread-safe; short locks, none over
/// I/O.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "server/base/blocking_pool.h"
#include "server/base/clock.h"
#include "server/base/wake_hub.h"
#include "server/tokens/claims.h"

namespace grantd::tokens {

/// `first` to `end` - 1 of one list.
struct StatusIndexBlock {
  std::uint64_t list{0};
  std::uint32_t first{0};
  std::uint32_t end{0};
};

class StatusIndexes {
 public:
  /// Reserves for a list that ends at `ends_at`. Blocks: called on the pool
  /// alone. None where storage is away; what it throws counts as that, too.
  using Reserve = std::function<std::optional<StatusIndexBlock>(sys_seconds ends_at)>;

  struct Settings {
    std::chrono::seconds window{0};  // tokens that expire within one share a list
    std::uint32_t block{0};          // what Reserve reserves at most
    /// Of live windows; beyond it none is at hand. The configuration allows
    /// 43,200: tokens of 30 days in windows of a minute.
    std::size_t max_windows{65'536};
    /// How long tokens are to get entries once storage is away: the windows
    /// that begin within are reserved for, too, the soonest first and one after
    /// the other: a day has 1,440 windows of a minute, and others wait for the
    /// pool's threads, too. Only as many entries as a block has are then at
    /// hand in each.
    std::chrono::seconds ahead{0};
  };

  /// How long a token waits for a reservation at most, counted from where that
  /// began.
  static constexpr std::chrono::milliseconds longest_wait{1000};
  /// Nobody waits for storage that has just failed; it is tried again after
  /// this.
  static constexpr std::chrono::milliseconds retry_after{1000};
  /// Tokens that wait for one window's reservation; any more get none.
  static constexpr std::size_t max_waiting = 10'000;

  /// The references outlive the object; `pool` is joined before it and the
  /// event loops go.
  StatusIndexes(Reserve reserve, Settings settings, BlockingPool &pool, const Clock &clock);

  /// An entry of a list that lives until `expires_at` at least. Suspends only
  /// where none is at hand. None: storage is away, or its reservation takes too
  /// long. Call it on an event loop.
  boost::asio::awaitable<std::optional<StatusReference>> take(sys_seconds expires_at);

  /// Forgets what is reserved: another database has taken the place of the one
  /// it is from.
  void drop();

 private:
  /// The indexes of one window.
  struct Window {
    StatusIndexBlock current{};
    StatusIndexBlock next{};
    bool refilling{false};
    SteadyTime refill_began{};
    SteadyTime retry_at{};
    sys_seconds seen_to{};  // the last window that was looked at for tokens of this one
    // Shared with who waits: the window may be forgotten before they have all
    // resumed.
    std::shared_ptr<WakeHub> refilled{std::make_shared<WakeHub>()};
  };
  struct Attempt {
    std::optional<StatusReference> taken{};
    std::shared_ptr<WakeHub> refilled{};  // null: there is nothing to wait for
    std::uint64_t seen{0};
    std::chrono::nanoseconds longest{0};
  };

  [[nodiscard]] Attempt attempt(sys_seconds ends_at, sys_seconds ahead_until);
  void want_ahead(sys_seconds ends_at, sys_seconds until);
  void begin_ahead(SteadyTime now);
  [[nodiscard]] Window *find_window(sys_seconds ends_at);
  void begin_refill(Window &window, sys_seconds ends_at);
  boost::asio::awaitable<void> refill(sys_seconds ends_at, std::uint64_t generation);
  [[nodiscard]] StatusIndexBlock reserve(sys_seconds ends_at) const;
  void settle(sys_seconds ends_at, std::uint64_t generation, const StatusIndexBlock &block);

  /// What is reserved ahead, and in which database.
  struct Ahead {
    sys_seconds ends_at{};
    std::uint64_t generation{0};
  };
  boost::asio::awaitable<void> reserve_ahead();
  [[nodiscard]] std::optional<Ahead> next_ahead();
  [[nodiscard]] bool settle_ahead(const Ahead &ahead, const StatusIndexBlock &block);

  const Reserve reserve_;
  const Settings settings_;
  BlockingPool &pool_;
  const Clock &clock_;
  std::mutex mutex_;
  std::map<sys_seconds, Window> windows_;  // by their ends
  std::uint64_t generation_{0};            // of the database: a block from before is not used
  std::set<sys_seconds> wanted_;           // windows that are to be reserved for ahead
  bool reserving_ahead_{false};
  SteadyTime ahead_retry_at_{};
};

}  // namespace grantd::tokens
