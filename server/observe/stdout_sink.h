/// Where the log's thread hands lines to stdout, one write(2) a line.
///
/// A reader that stalls holds this thread up, and nothing else: it waits with poll(2), so that it
/// can give up once the process ends.
#pragma once

#include <spdlog/sinks/sink.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace grantd::observe {

class StdoutSink final : public spdlog::sinks::sink {
 public:
  /// The message is a finished line. Called by the log's one thread.
  void log(const spdlog::details::log_msg& msg) override;

  void flush() override {}
  void set_pattern(const std::string& /*pattern*/) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter> /*formatter*/) override {}

  /// From then on lines are given up instead of waited with. Thread-safe.
  void give_up_after(std::chrono::milliseconds time);

  /// Lines that stdout did not take (closed, disk full, given up). Thread-safe.
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

  /// Calls `done(lines handled)` after each line until it says yes or the time is up. Thread-safe.
  template <typename Done>
  void wait(std::chrono::milliseconds time, Done done) {
    std::unique_lock lock(mutex_);
    handled_changed_.wait_for(lock, time, [&] { return done(handled_); });
  }

 private:
  [[nodiscard]] bool write_line(std::string_view line) const;
  [[nodiscard]] bool wait_until_writable() const;
  [[nodiscard]] bool given_up() const;

  std::atomic<std::chrono::steady_clock::time_point> deadline_{
      std::chrono::steady_clock::time_point::max()};
  std::atomic<std::uint64_t> lost_{0};
  std::mutex mutex_;
  std::condition_variable handled_changed_;
  std::uint64_t handled_{0};
};

}  // namespace grantd::observe
