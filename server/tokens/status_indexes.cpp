#include "server/tokens/status_indexes.h"

#include <utility>

namespace grantd::tokens {
namespace {

std::uint32_t left_in(const StatusIndexBlock& block) { return block.end - block.first; }

sys_seconds end_of_window(sys_seconds t, std::chrono::seconds window) {
  return sys_seconds((t.time_since_epoch() / window + 1) * window);
}

}  // namespace

StatusIndexes::StatusIndexes(Reserve reserve, Settings settings, BlockingPool& pool,
                             const Clock& clock)
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
  for (auto& [ends_at, window] : windows_) window.current = window.next = {};
}

StatusIndexes::Attempt StatusIndexes::attempt(sys_seconds ends_at, sys_seconds ahead_until) {
  const auto now = clock_.steady();
  const std::lock_guard lock(mutex_);
  Window* const window = find_window(ends_at);
  if (window == nullptr) return {};
  if (left_in(window->current) == 0) window->current = std::exchange(window->next, {});

  Attempt attempt;
  auto& current = window->current;
  if (left_in(current) > 0) attempt.taken = StatusReference{current.list, current.first++};
  const bool scarce = left_in(window->next) == 0 && left_in(current) <= settings_.block / 2;
  if (scarce && !window->refilling && now >= window->retry_at) begin_refill(*window, ends_at);
  const auto deadline = window->refill_began + longest_wait;
  if (!attempt.taken && window->refilling && now < deadline) {
    attempt.refilled = window->refilled;
    attempt.seen = window->refilled->generation();
    attempt.longest = deadline - now;
  }
  reserve_ahead(ends_at, ahead_until, now);
  return attempt;
}

/// With the lock held. From the last one back: where it has entries, those before it were seen to.
void StatusIndexes::reserve_ahead(sys_seconds ends_at, sys_seconds until, SteadyTime now) {
  for (; until > ends_at; until -= settings_.window) {
    Window* const window = find_window(until);
    if (window == nullptr || left_in(window->current) + left_in(window->next) > 0) return;
    if (!window->refilling && now >= window->retry_at) begin_refill(*window, until);
  }
}

StatusIndexes::Window* StatusIndexes::find_window(sys_seconds ends_at) {
  if (const auto found = windows_.find(ends_at); found != windows_.end()) return &found->second;
  const auto now = floor_seconds(clock_.now());
  while (!windows_.empty() && windows_.begin()->first <= now &&
         !windows_.begin()->second.refilling) {
    windows_.erase(windows_.begin());
  }
  return windows_.size() < settings_.max_windows ? &windows_[ends_at] : nullptr;
}

void StatusIndexes::begin_refill(Window& window, sys_seconds ends_at) {
  window.refill_began = clock_.steady();
  window.refilling = pool_.start(
      [this, ends_at, generation = generation_] { return refill(ends_at, generation); });
}

boost::asio::awaitable<void> StatusIndexes::refill(sys_seconds ends_at, std::uint64_t generation) {
  StatusIndexBlock block;
  try {
    block = reserve_(ends_at).value_or(StatusIndexBlock{});
  } catch (...) {
    block = {};  // as where storage is away: those who wait must hear of it
  }
  settle(ends_at, generation, block);
  co_return;
}

void StatusIndexes::settle(sys_seconds ends_at, std::uint64_t generation,
                           const StatusIndexBlock& block) {
  const std::lock_guard lock(mutex_);
  auto& window = windows_.at(ends_at);  // one that is being refilled is never erased
  window.refilling = false;
  if (left_in(block) == 0) {
    window.retry_at = clock_.steady() + retry_after;
  } else if (generation == generation_) {
    window.next = block;
  }
  window.refilled->wake();
}

}  // namespace grantd::tokens
