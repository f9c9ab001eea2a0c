#include "server/observe/line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "server/base/text.h"

namespace grantd::observe {
namespace {

constexpr std::size_t typical_line_bytes = 384;
constexpr std::string_view json_truncated = R"(,"truncated":true)";
constexpr std::string_view text_truncated = " truncated=true";
constexpr std::string_view json_end = "}\n";
constexpr std::string_view text_end = "\n";
constexpr std::size_t max_value_end =
    std::max(json_truncated.size() + json_end.size(), text_truncated.size() + text_end.size());
constexpr std::size_t body_bytes = max_line_bytes - max_value_end;
constexpr std::size_t quotes = 2;
/// Comma, colon and the quotes of key and value.
constexpr std::size_t key_overhead = 2 + 2 * quotes;

std::string_view json_name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  std::unreachable();
}

std::string_view text_name(Level level) {
  switch (level) {
    case Level::debug:
      return "DEBUG ";
    case Level::info:
      return "INFO  ";
    case Level::warn:
      return "WARN  ";
    case Level::error:
      return "ERROR ";
  }
  std::unreachable();
}

/// Whether a person reads the value unmistakably without quotes.
bool is_bare(std::string_view value) {
  return !value.empty() && std::ranges::all_of(value, [](char c) {
    return c > 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '=';
  });
}

/// The longest beginning of at most `bytes` octets that does not end within a character.
std::string_view beginning(std::string_view text, std::size_t bytes) {
  if (bytes >= text.size()) return text;
  constexpr std::size_t max_continuation_octets = 3;
  std::size_t end = bytes;
  while (end > 0 && bytes - end < max_continuation_octets &&
         (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end);
}

/// Appends what of the value fits into `room` once escaped; whether that was all.
bool append_cut(std::string& out, std::string_view value, std::size_t room) {
  const std::size_t begin = out.size();
  for (std::size_t take = std::min(value.size(), room);; take /= 2) {
    append_json_escaped(out, beginning(value, take));
    if (out.size() - begin <= room) return take == value.size();
    out.resize(begin);
  }
}

}  // namespace

Line::Line(std::string& text, Format format, WallTime now, Level level, std::string_view event)
    : text_(text), format_(format) {
  text_.clear();
  text_.reserve(typical_line_bytes);
  switch (format_) {
    case Format::json:
      text_ += R"({"time":")";
      append_rfc3339_ms(text_, now);
      text_ += R"(","level":")";
      text_ += json_name(level);
      text_ += '"';
      add("event", event);
      break;
    case Format::text:
      append_rfc3339_ms(text_, now);
      text_ += ' ';
      text_ += text_name(level);
      truncated_ = !append_cut(text_, event, body_bytes - text_.size());
      break;
  }
}

bool Line::fits(std::size_t bytes) {
  if (text_.size() + bytes <= body_bytes) return true;
  truncated_ = true;
  return false;
}

void Line::append_key(std::string_view key) {
  switch (format_) {
    case Format::json:
      text_ += ",\"";
      text_ += key;
      text_ += "\":";
      break;
    case Format::text:
      text_ += ' ';
      text_ += key;
      text_ += '=';
      break;
  }
}

void Line::add(std::string_view key, std::string_view value) {
  if (!fits(key.size() + key_overhead)) return;
  append_key(key);
  const std::size_t room = body_bytes - text_.size() - quotes;
  if (format_ == Format::text && value.size() <= room && is_bare(value)) {
    text_ += value;
    return;
  }
  text_ += '"';
  if (!append_cut(text_, value, room)) truncated_ = true;
  text_ += '"';
}

void Line::add(std::string_view key, std::int64_t value) {
  std::array<char, std::numeric_limits<std::int64_t>::digits10 + 2> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  append_literal(key, {digits.data(), static_cast<std::size_t>(end - digits.data())});
}

void Line::add(std::string_view key, bool value) { append_literal(key, value ? "true" : "false"); }

void Line::append_literal(std::string_view key, std::string_view value) {
  if (!fits(key.size() + key_overhead + value.size())) return;
  append_key(key);
  text_ += value;
}

void Line::add(const Field& field) {
  std::visit([&](auto value) { add(field.key, value); }, field.value);
}

std::string_view Line::finish() {
  const bool json = format_ == Format::json;
  if (truncated_) text_ += json ? json_truncated : text_truncated;
  text_ += json ? json_end : text_end;
  return text_;
}

}  // namespace grantd::observe
