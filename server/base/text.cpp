#include "server/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <span>

namespace grantd {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

/// From the largest on: the first that divides a value gives its shortest text.
constexpr std::array<Unit, 5> duration_units{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> size_units{
    {{"GiB", 1ULL << 30U}, {"MiB", 1ULL << 20U}, {"KiB", 1ULL << 10U}, {"B", 1}}};

constexpr std::uint64_t max_duration_ms = 10 * 365 * 86'400'000ULL;

std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units,
                                            std::uint64_t max) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view name(rest, static_cast<std::size_t>(end - rest));
  const auto* const unit = std::ranges::find(units, name, &Unit::name).base();
  if (unit == units.data() + units.size() || number > max / unit->factor) return std::nullopt;
  return number * unit->factor;
}

std::string format_quantity(std::uint64_t value, std::span<const Unit> units,
                            std::string_view unit_of_zero) {
  if (value == 0) return "0" + std::string(unit_of_zero);
  const auto unit = std::ranges::find_if(
      units, [value](const Unit& candidate) { return value % candidate.factor == 0; });
  return std::to_string(value / unit->factor) + std::string(unit->name);
}

void append_digits(std::string& out, unsigned value, unsigned digits) {
  const std::size_t begin = out.size();
  out.append(digits, '0');
  for (std::size_t i = begin + digits; i-- > begin; value /= 10) {
    out[i] = static_cast<char>('0' + value % 10);
  }
}

void append_date_and_time(std::string& out, sys_seconds t) {
  using namespace std::chrono;
  const sys_days first = year{0} / January / 1;
  const sys_seconds last = sys_days{year{9999} / December / 31} + 23h + 59min + 59s;
  t = std::clamp(t, sys_seconds{first}, last);
  const auto day = floor<days>(t);
  const year_month_day date{day};
  const hh_mm_ss time{t - day};
  append_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_digits(out, static_cast<unsigned>(time.hours().count()), 2);
  out += ':';
  append_digits(out, static_cast<unsigned>(time.minutes().count()), 2);
  out += ':';
  append_digits(out, static_cast<unsigned>(time.seconds().count()), 2);
}

/// "2026-01-31T12:00:00", kept beside the second that it is the text of.
struct SecondText {
  sys_seconds second{sys_seconds::min()};
  std::array<char, 19> text{};
};

SecondText second_text(sys_seconds second) {
  std::string text;
  append_date_and_time(text, second);
  SecondText made{.second = second};
  std::ranges::copy(text, made.text.begin());
  return made;
}

struct CodePoint {
  char32_t value{0};
  std::size_t octets{0};  // 0: malformed
};

/// The code point that begins `text` (not empty), by RFC 3629 §4.
CodePoint decode_utf8(std::string_view text) {
  const auto octet = [text](std::size_t i) -> char32_t {
    return static_cast<unsigned char>(text[i]);
  };
  const char32_t lead = octet(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const std::size_t octets = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < octets) return {};
  char32_t value = lead & (0x7FU >> octets);
  for (std::size_t i = 1; i < octets; ++i) {
    if ((octet(i) & 0xC0U) != 0x80U) return {};
    value = (value << 6U) | (octet(i) & 0x3FU);
  }
  const bool overlong = (octets == 3 && value < 0x800) || (octets == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return {};
  return {value, octets};
}

/// Beyond what RFC 8259 demands: DEL and C1 controls steer terminals, U+2028 and U+2029 end a line
/// for some readers.
bool needs_unicode_escape(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029;
}

void append_unicode_escape(std::string& out, char32_t c) {
  static constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u";
  for (unsigned shift = 16; shift != 0;) {
    shift -= 4;
    out += digits[(c >> shift) & 0xFU];
  }
}

/// By octet, whether it stands for itself in a JSON string: looked up, as each name, token and log
/// line passes here.
constexpr auto plain_octets = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7F; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

bool is_plain(char c) { return plain_octets[static_cast<unsigned char>(c)]; }

std::uint64_t word_at(std::string_view text, std::size_t at) {
  std::uint64_t word = 0;
  std::memcpy(&word, text.data() + at, sizeof(word));
  return word;
}

constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
constexpr std::uint64_t highest_bits = ones * 0x80;

/// How many octets at the beginning are ASCII.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t length = 0;
  while (length + sizeof(std::uint64_t) <= text.size() &&
         (word_at(text, length) & highest_bits) == 0) {
    length += sizeof(std::uint64_t);
  }
  while (length < text.size() && (text[length] & 0x80) == 0) ++length;
  return length;
}

/// Whether an octet of the word is not plain, for all eight at once: each term sets the highest bit
/// of the octets that one reason holds for. A carry or borrow crosses into the next octet only from
/// one that is not plain itself.
bool has_not_plain(std::uint64_t word) {
  const std::uint64_t controls = word - ones * 0x20;
  const std::uint64_t quotes = (word ^ (ones * '"')) - ones;
  const std::uint64_t backslashes = (word ^ (ones * '\\')) - ones;
  const std::uint64_t del = word + ones;
  return ((word | controls | quotes | backslashes | del) & highest_bits) != 0;
}

bool has_not_plain_at(std::string_view text, std::size_t at) {
  return has_not_plain(word_at(text, at));
}

/// How many octets at the beginning are plain.
std::size_t plain_length(std::string_view text) {
  constexpr std::size_t step = sizeof(std::uint64_t);
  std::size_t length = 0;
  while (length + step <= text.size() && !has_not_plain_at(text, length)) length += step;
  // The last word may overlap with the one before it.
  const bool only_the_end = text.size() >= step && text.size() - length < step;
  if (only_the_end && !has_not_plain_at(text, text.size() - step)) return text.size();
  while (length < text.size() && is_plain(text[length])) ++length;
  return length;
}

}  // namespace

std::string rfc3339(sys_seconds t) {
  std::string out;
  out.reserve(20);
  append_date_and_time(out, t);
  out += 'Z';
  return out;
}

void append_rfc3339_ms(std::string& out, WallTime t) {
  static thread_local SecondText last;
  const sys_seconds second = floor_seconds(t);
  if (second != last.second) last = second_text(second);
  out.append(last.text.data(), last.text.size());
  out += '.';
  append_digits(
      out, static_cast<unsigned>(std::chrono::floor<std::chrono::milliseconds>(t - second).count()),
      3);
  out += 'Z';
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto ms = parse_quantity(text, duration_units, max_duration_ms);
  if (!ms) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*ms));
}

std::string format_duration(std::chrono::milliseconds d) {
  return format_quantity(static_cast<std::uint64_t>(std::max<std::int64_t>(d.count(), 0)),
                         duration_units, "s");
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse_quantity(text, size_units, std::numeric_limits<std::uint64_t>::max());
}

std::string format_size(std::uint64_t bytes) { return format_quantity(bytes, size_units, "B"); }

void append_json_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t plain = plain_length(text);
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;

    const CodePoint c = decode_utf8(text);
    if (c.octets == 0) {
      out += "\xEF\xBF\xBD";
    } else if (c.value == '"' || c.value == '\\') {
      out += '\\';
      out += text.front();
    } else if (needs_unicode_escape(c.value)) {
      append_unicode_escape(out, c.value);
    } else {
      out.append(text.substr(0, c.octets));
    }
    text.remove_prefix(std::max<std::size_t>(c.octets, 1));
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_escaped(out, text);
  out += '"';
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, ascii_lower, ascii_lower);
}

bool is_utf8(std::string_view text) {
  for (text.remove_prefix(ascii_prefix(text)); !text.empty();
       text.remove_prefix(ascii_prefix(text))) {
    const CodePoint c = decode_utf8(text);
    if (c.octets == 0) return false;
    text.remove_prefix(c.octets);
  }
  return true;
}

}  // namespace grantd
