/// One line for each request and each event, on stdout, through a bounded queue that drops and
/// counts where stdout stalls: a log never holds a request up.
///
/// Nothing secret is passed in: callers hand over names, ids and reasons, never headers, bodies or
/// tokens. Thread-safe.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "server/base/clock.h"

namespace grantd::observe {

enum class Level { debug, info, warn, error };
enum class Format { json, text };

struct Field {
  std::string_view key{};
  std::variant<std::string_view, std::int64_t, bool> value{};
};

/// One answered request (architecture.md, "One wide log line a request").
struct RequestLine {
  std::string_view request_id{};
  std::string_view peer{};
  std::string_view endpoint{};
  std::string_view client_id{};
  unsigned status{0};
  std::string_view error{};
  std::string_view reason{};
  std::string_view chain{};     // of a token exchange: whose call it is
  std::string_view root_jti{};  // and the first token's jti
  std::int64_t duration_us{0};
};

class Log {
 public:
  /// `queue_lines`: how many lines may wait for stdout, within `queue_bytes` (line_queue.h). Beyond
  /// that the oldest go.
  Log(const Clock& clock, Level level, Format format, std::size_t queue_lines = 8192);
  /// Waits for stdout a second at most; what it has not taken by then is lost.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void event(Level level, std::string_view event, std::initializer_list<Field> fields = {});
  void request(const RequestLine& line);

  /// Applies to lines from now on (a reload).
  void set_level(Level level);
  /// Lines since the start that the full queue or stdout (closed, disk full) did not take.
  [[nodiscard]] std::uint64_t dropped() const;
  /// Waits until what is queued has been handed to stdout, or a second has passed.
  void flush();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// A client id that nobody registered, fit for a log line: at most 64 characters, with anything
/// that could be a secret sent in the wrong place replaced by "[redacted]".
[[nodiscard]] std::string loggable_client_id(std::string_view unregistered);

}  // namespace grantd::observe
