/// Times, durations and sizes as text, and text made safe for JSON.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/clock.h"

namespace grantd {

/// "2026-01-31T12:00:00Z" (RFC 3339, UTC).
[[nodiscard]] std::string rfc3339(sys_seconds t);
/// Appends the same with milliseconds. For log lines: each thread keeps its last second's text.
void append_rfc3339_ms(std::string& out, WallTime t);

/// "250ms", "30s", "5m", "12h", "30d": a whole number and one unit. Nothing else; at most 10 years.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// The shortest text that parse_duration reads back as the same; less than nothing reads "0s".
[[nodiscard]] std::string format_duration(std::chrono::milliseconds d);

/// "512B", "16KiB", "1MiB", "1GiB". Nothing else.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
[[nodiscard]] std::string format_size(std::uint64_t bytes);

/// Appends `text` to `out` as the inside of a JSON string (RFC 8259 §7). Octets that are no UTF-8
/// become U+FFFD, control characters (C1 and line separators too) \uXXXX: a peer's bytes can never
/// break a log line.
void append_json_escaped(std::string& out, std::string_view text);
/// The same with the quotes.
void append_json_string(std::string& out, std::string_view text);

/// ASCII alone, whatever the locale says.
[[nodiscard]] constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

/// -1 where `c` is no hex digit.
[[nodiscard]] constexpr int hex_digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Whether `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace grantd
