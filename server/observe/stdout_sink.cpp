#include "server/observe/stdout_sink.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "server/observe/line.h"

namespace grantd::observe {
namespace {

static_assert(max_line_bytes <= PIPE_BUF,
              "poll(2) promises room for PIPE_BUF bytes; a longer write may block for ever");

/// How soon a wait for a stalled reader notices that the process ends.
constexpr int poll_interval_ms = 100;

}  // namespace

void StdoutSink::log(const spdlog::details::log_msg& msg) {
  if (!write_line({msg.payload.data(), msg.payload.size()})) {
    lost_.fetch_add(1, std::memory_order_relaxed);
  }
  {
    const std::lock_guard lock(mutex_);
    ++handled_;
  }
  handled_changed_.notify_all();
}

void StdoutSink::give_up_after(std::chrono::milliseconds time) {
  deadline_.store(std::chrono::steady_clock::now() + time, std::memory_order_relaxed);
}

bool StdoutSink::given_up() const {
  return std::chrono::steady_clock::now() >= deadline_.load(std::memory_order_relaxed);
}

bool StdoutSink::write_line(std::string_view line) const {
  while (!line.empty()) {
    if (!wait_until_writable()) return false;
    const ssize_t put = ::write(STDOUT_FILENO, line.data(), line.size());
    if (put < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (put < 0) return false;
    line.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

bool StdoutSink::wait_until_writable() const {
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  while (!given_up()) {
    const int ready = ::poll(&out, 1, poll_interval_ms);
    if (ready > 0) return true;  // An error is ready too: write(2) then says which.
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

}  // namespace grantd::observe
