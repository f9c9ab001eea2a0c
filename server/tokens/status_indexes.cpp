#include "server/tokens/status_indexes.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace grantd::tokens {
namespace {

std::uint32_t left_in(const StatusIndexBlock &block) { return block.end - block.first; }

sys_seconds end_of_window(sys_seconds t, std::chrono::seconds window) {
  return sys_seconds((t.time_since_epoch() / window + 1) * window);
}

}  // namespace

StatusIndexes::StatusIndexes(Reserve reserve, Settings settings, BlockingPool &pool,
                             const Clock &clock)
    : reserve_(std::move(reserve)), settings_(settings), pool_(pool), clock_(clock) {}

boost::asio::awaitable<std::optional<StatusReference>> StatusIndexes::take(sys_seconds expires_at) {
  const auto ends_at = end_of_window(expires_at, settings_.window);
  const auto ahead_until = end_of_window(expires_at + settings_.ahead, settings_.window);
  for (;;) {
    const auto [taken, refilled, seen, longest] = attempt(ends_at, ahead_until);
    if (taken || !refilled) co_return taken;
    const auto until = std::chrono::steady_clock::now() + longest;
    const auto woken = co_await refilled->wait(seen, until, max_waiting);
    if (woken != WakeHub::Woken::by_news) co_return std::nullopt;
  }
}

void StatusIndexes::drop() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  for (auto &[ends_at, window] : windows_) {
    window.current = window.next = {};
    window.seen_to = {};
  }
}

StatusIndexes::Attempt StatusIndexes::attempt(sys_seconds ends_at, sys_seconds ahead_until) {
  const auto now = clock_.steady();
  const std::lock_guard lock(mutex_);
  Window *const window = find_window(ends_at);
  if (window == nullptr) return {};
  if (left_in(window->current) == 0) window->current = std::exchange(window->next, {});

  Attempt attempt;
  auto &current = window->current;
  if (left_in(current) > 0) attempt.taken = StatusReference{current.list, current.first++};
  const bool scarce = left_in(window->next) == 0 && left_in(current) <= settings_.block / 2;
  if (scarce && !window->refilling && now >= window->retry_at) begin_refill(*window, ends_at);
  const auto deadline = window->refill_began + longest_wait;
  if (!attempt.taken && window->refilling && now < deadline) {
    attempt.refilled = window->refilled;
    attempt.seen = window->refilled->generation();
    attempt.longest = deadline - now;
  }
  want_ahead(ends_at, ahead_until);
  begin_ahead(now);
  return attempt;
}

/// With the lock held. Each window of expiry looks at those behind it once: a
/// token does not walk them all.
void StatusIndexes::want_ahead(sys_seconds ends_at, sys_seconds until) {
  const auto before = windows_.at(ends_at).seen_to;
  auto seen_to = std::max(ends_at, before);
  while (seen_to + settings_.window <= until) {
    const Window *const later = find_window(seen_to + settings_.window);
    if (later == nullptr) break;
    seen_to += settings_.window;
    const bool has_entries = left_in(later->current) + left_in(later->next) > 0;
    if (!has_entries && !later->refilling) wanted_.insert(seen_to);
  }
  if (seen_to <= before) return;
  // Looked for anew: making room for the others may have forgotten it, where
  // the clock moved.
  if (const auto own = windows_.find(ends_at); own != windows_.end()) {
    own->second.seen_to = seen_to;
  }
}

/// With the lock held.
void StatusIndexes::begin_ahead(SteadyTime now) {
  if (wanted_.empty() || reserving_ahead_ || now < ahead_retry_at_) return;
  reserving_ahead_ = pool_.start([this] { return reserve_ahead(); });
}

StatusIndexes::Window *StatusIndexes::find_window(sys_seconds ends_at) {
  if (const auto found = windows_.find(ends_at); found != windows_.end()) return &found->second;
  const auto now = floor_seconds(clock_.now());
  while (!windows_.empty() && windows_.begin()->first <= now &&
         !windows_.begin()->second.refilling) {
    windows_.erase(windows_.begin());
  }
  return windows_.size() < settings_.max_windows ? &windows_[ends_at] : nullptr;
}

void StatusIndexes::begin_refill(Window &window, sys_seconds ends_at) {
  window.refill_began = clock_.steady();
  window.refilling = pool_.start(
      [this, ends_at, generation = generation_] { return refill(ends_at, generation); });
}

boost::asio::awaitable<void> StatusIndexes::refill(sys_seconds ends_at, std::uint64_t generation) {
  settle(ends_at, generation, reserve(ends_at));
  co_return;
}

StatusIndexBlock StatusIndexes::reserve(sys_seconds ends_at) const {
  try {
    return reserve_(ends_at).value_or(StatusIndexBlock{});
  } catch (...) {
    return {};  // as where storage is away: those who wait must hear of it
  }
}

void StatusIndexes::settle(sys_seconds ends_at, std::uint64_t generation,
                           const StatusIndexBlock &block) {
  const std::lock_guard lock(mutex_);
  auto &window = windows_.at(ends_at);  // one that is being refilled is never erased
  window.refilling = false;
  if (left_in(block) == 0) {
    window.retry_at = clock_.steady() + retry_after;
  } else if (generation == generation_) {
    window.next = block;
  }
  window.refilled->wake();
}

boost::asio::awaitable<void> StatusIndexes::reserve_ahead() {
  const auto executor = co_await boost::asio::this_coro::executor;
  while (const auto ahead = next_ahead()) {
    const auto block = reserve(ahead->ends_at);
    if (!settle_ahead(*ahead, block)) co_return;
    // Behind whatever waits for a thread.
    co_await boost::asio::post(executor, boost::asio::use_awaitable);
  }
}

/// The soonest; none: there is nothing left to do.
std::optional<StatusIndexes::Ahead> StatusIndexes::next_ahead() {
  const auto now = floor_seconds(clock_.now());
  const std::lock_guard lock(mutex_);
  while (!wanted_.empty()) {
    const auto ends_at = wanted_.extract(wanted_.begin()).value();
    if (ends_at <= now) continue;
    Window *const window = find_window(ends_at);
    if (window == nullptr || window->refilling) continue;
    if (left_in(window->current) + left_in(window->next) > 0) continue;
    window->refill_began = clock_.steady();
    window->refilling = true;
    return Ahead{ends_at, generation_};
  }
  reserving_ahead_ = false;
  return std::nullopt;
}

/// Whether to go on.
bool StatusIndexes::settle_ahead(const Ahead &ahead, const StatusIndexBlock &block) {
  settle(ahead.ends_at, ahead.generation, block);
  const std::lock_guard lock(mutex_);
  const bool reserved = left_in(block) > 0;
  if (reserved && ahead.generation == generation_) return true;
  wanted_.insert(ahead.ends_at);
  if (reserved) return true;
  reserving_ahead_ = false;
  ahead_retry_at_ = clock_.steady() + retry_after;
  return false;
}

}  // namespace grantd::tokens
