/// Builds one log line as text, without a JSON tree: this runs once for each request.
///
/// Whatever a value holds, the result is one line, in JSON one well-formed object, of at most
/// `max_line_bytes`: a value that does not fit is cut, and `truncated` says so.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/observe/log.h"

namespace grantd::observe {

/// With its newline. No more than a pipe takes whole (PIPE_BUF), so that lines of several writers
/// never mix and a pipe that polls writable takes the line without blocking.
constexpr std::size_t max_line_bytes = 4096;

class Line {
 public:
  /// Builds in `text`, whose memory may serve line after line; what it held is gone.
  Line(std::string& text, Format format, WallTime now, Level level, std::string_view event);

  /// A key is a word of ours: nothing in it needs escaping.
  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, std::int64_t value);
  void add(std::string_view key, bool value);
  void add(const Field& field);

  /// The line with its newline, as it now stands in `text`; the builder is spent.
  [[nodiscard]] std::string_view finish();

 private:
  void append_key(std::string_view key);
  void append_literal(std::string_view key, std::string_view value);
  /// Whether `bytes` more leave room for the line's end; a no is remembered.
  [[nodiscard]] bool fits(std::size_t bytes);

  std::string& text_;
  const Format format_;
  bool truncated_{false};
};

}  // namespace grantd::observe
