#include "server/base/wake_hub.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace grantd {

namespace asio = boost::asio;

WakeHub::Place::Place(WakeHub& hub, std::uint64_t seen, std::size_t max_waiting,
                      const std::shared_ptr<Timer>& timer)
    : hub_(hub) {
  const std::lock_guard lock(hub_.mutex_);
  if (hub_.closed_) {
    refusal_ = Woken::closed;
  } else if (hub_.generation_ != seen) {
    refusal_ = Woken::by_news;
  } else if (hub_.waiters_.size() >= max_waiting) {
    refusal_ = Woken::too_many;
  } else {
    number_ = ++hub_.next_number_;
    hub_.waiters_.emplace(number_, Waiter{timer->get_executor(), timer});
  }
}

WakeHub::Place::~Place() {
  if (refusal_) return;
  const std::lock_guard lock(hub_.mutex_);
  hub_.waiters_.erase(number_);  // not there any more where it was woken
}

std::uint64_t WakeHub::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

asio::awaitable<WakeHub::Woken> WakeHub::wait(std::uint64_t seen, SteadyTime until,
                                              std::size_t max_waiting) {
  const auto executor = co_await asio::this_coro::executor;
  const auto timer = std::make_shared<Timer>(executor, until);
  const Place place(*this, seen, max_waiting, timer);
  if (place.refusal()) co_return *place.refusal();
  co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
  co_return outcome(seen);
}

WakeHub::Woken WakeHub::outcome(std::uint64_t seen) const {
  const std::lock_guard lock(mutex_);
  if (closed_) return Woken::closed;
  return generation_ == seen ? Woken::by_time : Woken::by_news;
}

void WakeHub::wake() {
  Waiters woken;
  {
    const std::lock_guard lock(mutex_);
    ++generation_;
    woken.swap(waiters_);
  }
  end(woken);
}

void WakeHub::wake_sparingly(SteadyTime now) {
  {
    const std::lock_guard lock(mutex_);
    if (woken_at_ && now - *woken_at_ < sparing) return;
    woken_at_ = now;
  }
  wake();
}

void WakeHub::close() {
  Waiters woken;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    woken.swap(waiters_);
  }
  end(woken);
}

void WakeHub::end(const Waiters& waiters) {
  for (const auto& [number, waiter] : waiters) {
    asio::post(waiter.executor, [timer = waiter.timer] {
      // A timer that stands in the past ends a wait that is pending, and one that is about to be.
      if (const auto mine = timer.lock()) mine->expires_at(SteadyTime::min());
    });
  }
}

}  // namespace grantd
