/// The log's one thread, and what waits for it (docs/adr/0011).
///
/// A line that comes while the thread sleeps wakes it and is written at once; then it gathers for
/// `gather_for` before it looks again. Under load it is thus woken by its timer, a hundred times a
/// second, and by no request. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>

#include "server/observe/line_queue.h"
#include "server/observe/stdout_sink.h"

namespace grantd::observe {

class LogWriter {
 public:
  /// How long lines may wait for others before they are written together.
  static constexpr std::chrono::milliseconds gather_for{10};
  /// How long the process waits for a stalled stdout, in flush and at the end.
  static constexpr std::chrono::seconds max_wait{1};

  explicit LogWriter(std::size_t queue_lines);
  /// Waits for stdout `max_wait` at most; what it has not taken by then is lost.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// A finished line. Waits for nothing but the copying of other lines.
  void post(std::string_view line);
  /// Until what was posted has been handed to stdout, or is lost, or `max_wait` has passed.
  void flush();
  /// Lines that the full queue or stdout did not take.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  /// Posted lines that are no longer waiting. Under the lock.
  [[nodiscard]] std::uint64_t gone() const { return written_ + queue_.dropped(); }
  void run();
  void write_some(std::unique_lock<std::mutex>& lock, std::span<char> chunk);

  StdoutSink sink_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;      // the thread
  std::condition_variable progress_;  // those who flush
  LineQueue queue_;
  std::uint64_t posted_{0};
  std::uint64_t written_{0};  // or lost at stdout
  std::uint64_t lost_{0};
  std::size_t flushing_{0};
  bool asleep_{false};
  bool stopping_{false};
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace grantd::observe
