#include "server/observe/log.h"

#include <atomic>
#include <string>

#include "server/observe/line.h"
#include "server/observe/log_writer.h"

namespace grantd::observe {
namespace {

constexpr unsigned first_server_error = 500;

}  // namespace

class Log::Impl {
 public:
  Impl(const Clock& clock, Level level, Format format, std::size_t queue_lines)
      : clock_(clock), format_(format), level_(level), writer_(queue_lines) {}

  [[nodiscard]] bool wants(Level level) const {
    return level >= level_.load(std::memory_order_relaxed);
  }

  void set_level(Level level) { level_.store(level, std::memory_order_relaxed); }

  template <typename AddFields>
  void write(Level level, std::string_view event, AddFields add_fields) {
    // A line is short and its thread has many: the memory it is built in is kept.
    static thread_local std::string text;
    Line line(text, format_, clock_.now(), level, event);
    add_fields(line);
    writer_.post(line.finish());
  }

  [[nodiscard]] std::uint64_t dropped() const { return writer_.dropped(); }

  void flush() { writer_.flush(); }

 private:
  const Clock& clock_;
  const Format format_;
  std::atomic<Level> level_;
  LogWriter writer_;
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
