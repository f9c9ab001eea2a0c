#include "server/observe/stdout_sink.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "server/observe/line.h"

namespace grantd::observe {
namespace {

static_assert(max_line_bytes <= PIPE_BUF,
              "poll(2) promises room for PIPE_BUF bytes; a longer write may block for ever");

/// How soon a wait for a stalled reader notices that the process ends.
constexpr int poll_interval_ms = 100;

bool stdout_is_file() {
  struct stat status{};
  return ::fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

StdoutSink::StdoutSink() : write_bytes_(stdout_is_file() ? max_write_bytes : PIPE_BUF) {}

bool StdoutSink::wait_until_writable() const {
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  while (!given_up()) {
    const int ready = ::poll(&out, 1, poll_interval_ms);
    if (ready > 0) return true;  // An error is ready too: write(2) then says which.
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

std::size_t StdoutSink::write(std::string_view lines) {
  if (line_torn_ && put("\n").empty() && wait_until_writable()) line_torn_ = false;
  const std::string_view missing = line_torn_ ? lines : put(lines);
  if (missing.empty()) return 0;
  const std::string_view taken = lines.substr(0, lines.size() - missing.size());
  if (!taken.empty()) line_torn_ = taken.back() != '\n';
  return static_cast<std::size_t>(std::ranges::count(missing, '\n'));
}

std::string_view StdoutSink::put(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR && errno != EAGAIN) break;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    if (!text.empty() && !wait_until_writable()) break;
  }
  return text;
}

void StdoutSink::give_up_after(std::chrono::milliseconds time) {
  deadline_.store(std::chrono::steady_clock::now() + time, std::memory_order_relaxed);
}

bool StdoutSink::given_up() const {
  return std::chrono::steady_clock::now() >= deadline_.load(std::memory_order_relaxed);
}

}  // namespace grantd::observe
