/// Many coroutines' items, written together by one job of the blocking pool: what has come while
/// one group waits for the disk is the next one, so that a flush is paid for once by all of it, and
/// no thread is held by who waits.
///
/// The job runs while anything is pending, one at a time; a lone item is written at once, and no
/// timer gathers. Those that a group holds learn of it by one call on each of their event loops:
/// what wakes another thread costs more than a small item's share of the disk.
///
/// The queue is bounded in length, and in time as the pool's is. Thread-safe. The loops outlive the
/// object, or the pool's threads: once it was joined nothing is pending, and who was not resumed
/// any more goes with its loop. Out of memory, the job ends the process: nobody could be told.
#pragma once

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/defer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "server/base/blocking_pool.h"

namespace grantd {

/// `Outcome` is copied to everybody in the group, and is default constructible, as `Item`.
template <typename Item, typename Outcome>
class GroupWriter {
 public:
  struct Limits {
    std::size_t max_pending{0};  // that wait for their group
    std::size_t max_group{0};    // that are written at once
  };
  /// Blocks; called on a pool thread, for one group at a time, which is never empty.
  using Commit = std::function<Outcome(std::span<const Item>)>;
  using Result = std::expected<Outcome, QueueFull>;

  /// `interrupted`: what a group gets whose commit threw.
  GroupWriter(BlockingPool& pool, Limits limits, Commit commit, Outcome interrupted)
      : pool_(pool),
        limits_(limits),
        commit_(std::move(commit)),
        interrupted_(std::move(interrupted)) {}
  GroupWriter(const GroupWriter&) = delete;
  GroupWriter& operator=(const GroupWriter&) = delete;
  /// Waits for a job that has written everything to end.
  ~GroupWriter() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return !writing_; });
  }

  /// Resumes on the caller's loop with what became of the group that held the item; what was not
  /// begun in time, or found no room, is not written.
  boost::asio::awaitable<Result> write(Item item) {
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void(Result)>(
        [this](auto handler, Item accepted) {
          using Handler = decltype(handler);
          add(std::move(accepted), std::make_unique<WaiterWith<Handler>>(std::move(handler)));
        },
        boost::asio::use_awaitable, std::move(item));
  }

 private:
  using SteadyClock = std::chrono::steady_clock;
  using Executor = boost::asio::any_io_executor;

  /// A suspended coroutine. It is resumed on its own loop, or goes with it.
  class Waiter {
   public:
    explicit Waiter(const Executor& executor) : executor_(executor), work_(executor) {}
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    virtual ~Waiter() = default;
    virtual void resume(Result result) = 0;
    [[nodiscard]] const Executor& executor() const { return executor_; }

   private:
    Executor executor_;
    boost::asio::executor_work_guard<Executor> work_;  // its loop has something to wait for
  };
  template <typename Handler>
  class WaiterWith final : public Waiter {
   public:
    explicit WaiterWith(Handler handler)
        : Waiter(boost::asio::get_associated_executor(handler)), handler_(std::move(handler)) {}
    void resume(Result result) override {
      auto handler = std::move(handler_);
      std::move(handler)(std::move(result));
    }

   private:
    Handler handler_;
  };
  using Waiters = std::vector<std::unique_ptr<Waiter>>;

  struct Entry {
    Item item{};
    std::unique_ptr<Waiter> waiter{};
    SteadyClock::time_point queued_at{};
  };

  void add(Item item, std::unique_ptr<Waiter> waiter) {
    bool begins = false;
    {
      const std::lock_guard lock(mutex_);
      if (pending_.size() < limits_.max_pending) {
        pending_.push_back({std::move(item), std::move(waiter), SteadyClock::now()});
        begins = !std::exchange(writing_, true);
      }
    }
    if (waiter) {
      Waiters refused;
      refused.push_back(std::move(waiter));
      resume(std::move(refused), std::unexpected(QueueFull{}));
    }
    if (begins && !pool_.start([this] { return write_groups(); })) refuse_all();
  }

  /// No job could be begun: also for those that came meanwhile and relied on it.
  void refuse_all() {
    std::deque<Entry> entries;
    {
      const std::lock_guard lock(mutex_);
      entries.swap(pending_);
      writing_ = false;
      idle_.notify_all();
    }
    Waiters refused;
    for (Entry& entry : entries) refused.push_back(std::move(entry.waiter));
    resume(std::move(refused), std::unexpected(QueueFull{}));
  }

  boost::asio::awaitable<void> write_groups() {
    const auto executor = co_await boost::asio::this_coro::executor;
    while (write_group()) {
      // What else has queued for the pool's threads gets its turn.
      co_await boost::asio::defer(executor, boost::asio::use_awaitable);
    }
  }

  /// False where nothing was pending: the next item begins another job.
  bool write_group() noexcept {
    auto group = take();
    if (group.empty()) return false;
    const auto now = SteadyClock::now();
    std::vector<Item> items;
    Waiters waiters;
    Waiters late;
    items.reserve(group.size());
    waiters.reserve(group.size());
    for (Entry& entry : group) {
      if (now - entry.queued_at > pool_.max_queued()) {
        late.push_back(std::move(entry.waiter));
        continue;
      }
      items.push_back(std::move(entry.item));
      waiters.push_back(std::move(entry.waiter));
    }
    resume(std::move(late), std::unexpected(QueueFull{}));
    if (!items.empty()) resume(std::move(waiters), outcome_of(items));
    return true;
  }

  std::vector<Entry> take() {
    const std::lock_guard lock(mutex_);
    const auto size = std::min(pending_.size(), limits_.max_group);
    if (size == 0) {
      writing_ = false;
      idle_.notify_all();
    }
    const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(size);
    std::vector<Entry> group(std::make_move_iterator(pending_.begin()),
                             std::make_move_iterator(end));
    pending_.erase(pending_.begin(), end);
    return group;
  }

  Outcome outcome_of(const std::vector<Item>& items) const {
    try {
      return commit_(items);
    } catch (...) {
      return interrupted_;
    }
  }

  /// One call for each loop.
  static void resume(Waiters waiters, const Result& result) {
    while (!waiters.empty()) {
      const Executor executor = waiters.front()->executor();
      Waiters resumed;
      Waiters of_other_loops;
      for (auto& waiter : waiters) {
        (waiter->executor() == executor ? resumed : of_other_loops).push_back(std::move(waiter));
      }
      boost::asio::post(executor, [resumed = std::move(resumed), result]() mutable {
        for (auto& waiter : resumed) std::exchange(waiter, nullptr)->resume(result);
      });
      waiters = std::move(of_other_loops);
    }
  }

  BlockingPool& pool_;
  const Limits limits_;
  const Commit commit_;
  const Outcome interrupted_;
  std::mutex mutex_;
  std::deque<Entry> pending_;
  bool writing_{false};  // a job runs, or is about to
  std::condition_variable idle_;
};

}  // namespace grantd
