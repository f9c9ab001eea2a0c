/// stdout as the log's thread writes to it: many lines with one write(2), and never longer without
/// a way out than poll(2) lets it.
///
/// A pipe or socket that polls writable takes PIPE_BUF bytes without blocking, so no write is
/// longer there; a regular file takes any. A reader that stalls holds the log's thread up, and
/// nothing else: it waits with poll(2), so that it can give up once the process ends. Not
/// thread-safe but for `give_up_after`.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace grantd::observe {

class StdoutSink {
 public:
  /// One write(2) to a regular file.
  static constexpr std::size_t max_write_bytes = std::size_t{32} * 1024;

  /// Looks at once what stdout is.
  StdoutSink();

  /// No write may be longer.
  [[nodiscard]] std::size_t write_bytes() const { return write_bytes_; }

  /// Until stdout takes a write; false where it was given up.
  [[nodiscard]] bool wait_until_writable() const;

  /// `lines`: whole ones, `write_bytes()` at most, once stdout is writable. How many of them stdout
  /// did not take (closed, disk full, given up). A line that it took only in part is one of them,
  /// and ends before the next that it takes.
  std::size_t write(std::string_view lines);

  /// From then on nothing is waited for. Thread-safe.
  void give_up_after(std::chrono::milliseconds time);

 private:
  /// What of `text` stdout did not take.
  [[nodiscard]] std::string_view put(std::string_view text) const;
  [[nodiscard]] bool given_up() const;

  std::size_t write_bytes_;
  bool line_torn_{false};
  std::atomic<std::chrono::steady_clock::time_point> deadline_{
      std::chrono::steady_clock::time_point::max()};
};

}  // namespace grantd::observe
