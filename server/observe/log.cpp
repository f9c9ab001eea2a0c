#include "server/observe/log.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>

#include "server/observe/line.h"
#include "server/observe/stdout_sink.h"

namespace grantd::observe {
namespace {

using namespace std::chrono_literals;

/// How long the process waits for a stalled stdout, in flush and at the end.
constexpr auto max_wait = 1s;

constexpr unsigned first_server_error = 500;

/// A reader that goes away is a line lost, not the end of the process.
void block_sigpipe() {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

class Log::Impl {
 public:
  Impl(const Clock& clock, Level level, Format format, std::size_t queue_lines)
      : clock_(clock),
        format_(format),
        level_(level),
        sink_(std::make_shared<StdoutSink>()),
        pool_(std::make_shared<spdlog::details::thread_pool>(queue_lines, 1, block_sigpipe)),
        logger_(std::make_shared<spdlog::async_logger>(
            "grantd", sink_, pool_, spdlog::async_overflow_policy::overrun_oldest)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    // The pool's destructor waits until its thread has been through the whole queue.
    sink_->give_up_after(max_wait);
    pool_.reset();
  }

  [[nodiscard]] bool wants(Level level) const {
    return level >= level_.load(std::memory_order_relaxed);
  }

  void set_level(Level level) { level_.store(level, std::memory_order_relaxed); }

  template <typename AddFields>
  void write(Level level, std::string_view event, AddFields add_fields) {
    const WallTime now = clock_.now();
    Line line(format_, now, level, event);
    add_fields(line);
    const std::string text = std::move(line).finish();
    posted_.fetch_add(1, std::memory_order_relaxed);
    // Levels are ours: spdlog carries finished lines and filters none.
    logger_->log(now, spdlog::source_loc{}, spdlog::level::info, spdlog::string_view_t(text));
  }

  [[nodiscard]] std::uint64_t dropped() const { return pool_->overrun_counter() + sink_->lost(); }

  void flush() {
    // First in, first out, and the oldest goes first: once as many lines have left the queue as
    // had been posted, those have.
    const std::uint64_t posted = posted_.load(std::memory_order_relaxed);
    sink_->wait(max_wait, [&](std::uint64_t handled) {
      return handled + pool_->overrun_counter() >= posted;
    });
  }

 private:
  const Clock& clock_;
  const Format format_;
  std::atomic<Level> level_;
  std::atomic<std::uint64_t> posted_{0};
  std::shared_ptr<StdoutSink> sink_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

Log::Log(const Clock& clock, Level level, Format format, std::size_t queue_lines)
    : impl_(std::make_unique<Impl>(clock, level, format, queue_lines)) {}

Log::~Log() = default;

void Log::event(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!impl_->wants(level)) return;
  impl_->write(level, event, [fields](Line& line) {
    for (const Field& field : fields) line.add(field);
  });
}

void Log::request(const RequestLine& line) {
  const Level level = line.status >= first_server_error ? Level::error : Level::info;
  if (!impl_->wants(level)) return;
  impl_->write(level, "request", [&line](Line& out) {
    out.add("request_id", line.request_id);
    out.add("peer", line.peer);
    out.add("endpoint", line.endpoint);
    if (!line.client_id.empty()) out.add("client_id", line.client_id);
    out.add("status", static_cast<std::int64_t>(line.status));
    if (!line.error.empty()) out.add("error", line.error);
    if (!line.reason.empty()) out.add("reason", line.reason);
    if (!line.root_jti.empty()) out.add("root_jti", line.root_jti);
    out.add("duration_us", line.duration_us);
    // Last: foreign names may be so long that the line is cut.
    if (!line.chain.empty()) out.add("chain", line.chain);
  });
}

void Log::set_level(Level level) { impl_->set_level(level); }

std::uint64_t Log::dropped() const { return impl_->dropped(); }

void Log::flush() { impl_->flush(); }

}  // namespace grantd::observe
