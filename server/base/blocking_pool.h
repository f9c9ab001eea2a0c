/// Threads for work that blocks (a database round trip, a file), so that no event loop ever does.
///
/// The queue is bounded in length and in time: a caller that finds it full, or whose work was not
/// begun in time, is told so and answers 503. While every thread waits for a database that hangs,
/// what has queued behind them is thus not asked one after the other. Thread-safe.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <utility>

namespace grantd {

/// There was no room, or none of the threads came to be free in time.
struct QueueFull {};

class BlockingPool {
 public:
  using Duration = std::chrono::steady_clock::duration;
  static constexpr auto any_time = Duration::max();

  /// `max_queued`: how long what run() was given may wait for a thread.
  BlockingPool(std::size_t threads, std::size_t max_pending, Duration max_queued = any_time)
      : pool_(threads), max_pending_(max_pending), max_queued_(max_queued) {}
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  ~BlockingPool() { join(); }

  /// Runs `work` on a pool thread, then resumes on the caller's loop with what it returned; work
  /// that was not begun in time never is.
  /// What `work` throws is thrown in the caller. `T` must be default constructible and movable.
  template <typename T>
  boost::asio::awaitable<std::expected<T, QueueFull>> run(std::function<T()> work) {
    if (pending_.fetch_add(1, std::memory_order_relaxed) >= max_pending_) {
      pending_.fetch_sub(1, std::memory_order_relaxed);
      co_return std::unexpected(QueueFull{});
    }
    const Pending guard{pending_};
    const auto queued_at = std::chrono::steady_clock::now();
    co_return co_await boost::asio::co_spawn(
        pool_.get_executor(), call<T>(std::move(work), queued_at), boost::asio::use_awaitable);
  }

  /// Begins `work` on a pool thread, with nobody waiting: its coroutine resumes on pool threads and
  /// must not let an exception out. False where the queue is full. join() waits for it.
  [[nodiscard]] bool start(std::function<boost::asio::awaitable<void>()> work) {
    if (pending_.fetch_add(1, std::memory_order_relaxed) >= max_pending_) {
      pending_.fetch_sub(1, std::memory_order_relaxed);
      return false;
    }
    boost::asio::co_spawn(pool_.get_executor(), call(std::move(work), pending_),
                          boost::asio::detached);
    return true;
  }

  [[nodiscard]] Duration max_queued() const { return max_queued_; }

  /// Waits for what is queued, then ends the threads.
  void join() { pool_.join(); }

 private:
  struct Pending {
    std::atomic<std::size_t>& count;
    ~Pending() { count.fetch_sub(1, std::memory_order_relaxed); }
  };

  template <typename T>
  boost::asio::awaitable<std::expected<T, QueueFull>> call(
      std::function<T()> work, std::chrono::steady_clock::time_point queued_at) const {
    if (std::chrono::steady_clock::now() - queued_at > max_queued_) {
      co_return std::unexpected(QueueFull{});
    }
    co_return work();
  }

  static boost::asio::awaitable<void> call(std::function<boost::asio::awaitable<void>()> work,
                                           std::atomic<std::size_t>& pending) {
    const Pending guard{pending};
    co_await work();
  }

  boost::asio::thread_pool pool_;
  const std::size_t max_pending_;
  const Duration max_queued_;
  std::atomic<std::size_t> pending_{0};
};

}  // namespace grantd
