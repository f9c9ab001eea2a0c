#include "config/codecs.h"

#include <algorithm>
#include <boost/url/ipv4_address.hpp>
#include <boost/url/ipv6_address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <limits>
#include <string_view>

#include "config/audiences.h"
#include "server/base/text.h"

namespace grantd::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
namespace fs = std::filesystem;

const std::string* text_of(const Json& value) { return value.get_ptr<const std::string*>(); }

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x20 || octet == 0x7f;
  });
}

bool is_base64url(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

bool has_ambiguous_segment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash that begins a segment
    const auto end = std::min(path.find('/'), path.size());
    const auto segment = path.substr(0, end);
    const bool last = end == path.size();
    if (segment == "." || segment == ".." || (segment.empty() && !last)) return true;
    path.remove_prefix(end);
  }
  return false;
}

bool is_issuer(std::string_view text) {
  if (text.size() > max_issuer_characters || !text.starts_with("https://")) return false;
  if (text.find('%') != std::string_view::npos) return false;
  const auto uri = boost::urls::parse_uri(text);
  if (!uri || uri->has_query() || uri->has_fragment() || uri->has_userinfo()) return false;
  if (uri->encoded_host().empty()) return false;
  if (uri->has_port() && uri->port_number() == 0) return false;
  const auto path = uri->encoded_path();
  return !has_ambiguous_segment({path.data(), path.size()});
}

/// A duration codec's bounds and their text.
struct Range {
  milliseconds min;
  milliseconds max;
  std::string words;
};

Range range(const std::string& min, const std::string& max) {
  return {parse_duration(min).value(), parse_duration(max).value(), "from " + min + " to " + max};
}

std::optional<milliseconds> duration_in(const Json& value, const Range& bounds) {
  const auto* text = text_of(value);
  if (text == nullptr) return std::nullopt;
  const auto parsed = parse_duration(*text);
  if (!parsed || *parsed < bounds.min || *parsed > bounds.max) return std::nullopt;
  return parsed;
}

std::optional<seconds> seconds_in(const Json& value, const Range& bounds) {
  const auto* text = text_of(value);
  // "1000ms" would be a whole second, too, but says that fractions count here: they do not.
  if (text == nullptr || text->ends_with("ms")) return std::nullopt;
  const auto parsed = duration_in(value, bounds);
  if (!parsed) return std::nullopt;
  return std::chrono::duration_cast<seconds>(*parsed);
}

constexpr auto seconds_pattern = "[0-9]+(s|m|h|d)";

Codec<std::size_t> whole_number(std::size_t min, std::size_t max) {
  Codec<std::size_t> codec;
  codec.expected = "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  codec.schema = {{"type", "integer"}, {"minimum", min}, {"maximum", max}};
  codec.number = true;
  codec.decode = [min, max](const Json& value, const fs::path&) -> std::optional<std::size_t> {
    if (!value.is_number_unsigned()) return std::nullopt;
    const auto number = value.get<std::uint64_t>();
    if (number < min || number > max) return std::nullopt;
    return number;
  };
  codec.encode = [](const std::size_t& value) -> OrderedJson { return value; };
  return codec;
}

}  // namespace

Codec<std::string> ip_address() {
  Codec<std::string> codec;
  codec.expected = "an IPv4 or IPv6 address";
  codec.schema = {{"anyOf", {{{"format", "ipv4"}}, {{"format", "ipv6"}}}}, {"type", "string"}};
  codec.decode = [](const Json& value, const fs::path&) -> std::optional<std::string> {
    const auto* text = text_of(value);
    if (text == nullptr) return std::nullopt;
    if (!boost::urls::parse_ipv4_address(*text) && !boost::urls::parse_ipv6_address(*text)) {
      return std::nullopt;
    }
    return *text;
  };
  codec.encode = [](const std::string& value) -> OrderedJson { return value; };
  return codec;
}

bool is_path_text(std::string_view text) {
  return !text.empty() && text.size() <= max_path_bytes && is_utf8(text) &&
         !has_control_character(text);
}

Codec<fs::path> path() {
  Codec<fs::path> codec;
  codec.expected = "a path";
  codec.schema = {{"type", "string"}, {"minLength", 1}, {"maxLength", max_path_bytes}};
  codec.decode = [](const Json& value, const fs::path& base) -> std::optional<fs::path> {
    const auto* text = text_of(value);
    if (text == nullptr || !is_path_text(*text)) return std::nullopt;
    return (base / *text).lexically_normal();
  };
  codec.encode = [](const fs::path& value) -> OrderedJson { return value.string(); };
  return codec;
}

Codec<fs::path> path_or_nothing() {
  auto codec = path();
  codec.expected = "a path, or \"\"";
  codec.schema = {{"type", "string"}, {"maxLength", max_path_bytes}};
  codec.decode = [of_path = codec.decode](const Json& value,
                                          const fs::path& base) -> std::optional<fs::path> {
    return value == "" ? fs::path() : of_path(value, base);
  };
  return codec;
}

Codec<std::string> issuer() {
  Codec<std::string> codec;
  codec.expected =
      "an https URI of at most " + std::to_string(max_issuer_characters) +
      " characters without userinfo, query, fragment, percent-encoding, dot or empty segments";
  codec.schema = {{"type", "string"},
                  {"format", "uri"},
                  {"pattern", "^https://[^?#@%]+$"},
                  {"maxLength", max_issuer_characters}};
  codec.decode = [](const Json& value, const fs::path&) -> std::optional<std::string> {
    const auto* text = text_of(value);
    if (text == nullptr || !is_issuer(*text)) return std::nullopt;
    return *text;
  };
  codec.encode = [](const std::string& value) -> OrderedJson { return value; };
  return codec;
}

Codec<seconds> whole_seconds(const std::string& min, const std::string& max) {
  Codec<seconds> codec;
  const Range bounds = range(min, max);
  codec.expected = "a duration in whole seconds " + bounds.words;
  codec.schema = {{"type", "string"}, {"pattern", std::string("^") + seconds_pattern + "$"}};
  codec.decode = [bounds](const Json& value, const fs::path&) { return seconds_in(value, bounds); };
  codec.encode = [](const seconds& value) -> OrderedJson { return format_duration(value); };
  return codec;
}

Codec<std::optional<seconds>> whole_seconds_or_never(const std::string& min,
                                                     const std::string& max) {
  Codec<std::optional<seconds>> codec;
  const Range bounds = range(min, max);
  codec.expected = "a duration in whole seconds " + bounds.words + ", or \"never\"";
  codec.schema = {{"type", "string"},
                  {"pattern", std::string("^(never|") + seconds_pattern + ")$"}};
  codec.decode = [bounds](const Json& value,
                          const fs::path&) -> std::optional<std::optional<seconds>> {
    if (value == "never") return std::optional<seconds>{};
    const auto parsed = seconds_in(value, bounds);
    if (!parsed) return std::nullopt;
    return parsed;
  };
  codec.encode = [](const std::optional<seconds>& value) -> OrderedJson {
    return value ? format_duration(*value) : "never";
  };
  return codec;
}

Codec<milliseconds> duration(const std::string& min, const std::string& max) {
  Codec<milliseconds> codec;
  const Range bounds = range(min, max);
  codec.expected = "a duration " + bounds.words;
  codec.schema = {{"type", "string"}, {"pattern", "^[0-9]+(ms|s|m|h|d)$"}};
  codec.decode = [bounds](const Json& value, const fs::path&) {
    return duration_in(value, bounds);
  };
  codec.encode = [](const milliseconds& value) -> OrderedJson { return format_duration(value); };
  return codec;
}

Codec<std::size_t> size(const std::string& min, const std::string& max) {
  Codec<std::size_t> codec;
  codec.expected = "a size from " + min + " to " + max;
  codec.schema = {{"type", "string"}, {"pattern", "^[0-9]+(B|KiB|MiB|GiB)$"}};
  const auto least = parse_size(min).value();
  const auto most = parse_size(max).value();
  codec.decode = [least, most](const Json& value, const fs::path&) -> std::optional<std::size_t> {
    const auto* text = text_of(value);
    if (text == nullptr) return std::nullopt;
    const auto parsed = parse_size(*text);
    if (!parsed || *parsed < least || *parsed > most) return std::nullopt;
    return parsed;
  };
  codec.encode = [](const std::size_t& value) -> OrderedJson { return format_size(value); };
  return codec;
}

Codec<std::uint16_t> port() {
  const auto number = whole_number(0, std::numeric_limits<std::uint16_t>::max());
  Codec<std::uint16_t> codec;
  codec.expected = number.expected;
  codec.schema = number.schema;
  codec.number = true;
  codec.decode = [decode = number.decode](const Json& value,
                                          const fs::path& base) -> std::optional<std::uint16_t> {
    const auto parsed = decode(value, base);
    if (!parsed) return std::nullopt;
    return static_cast<std::uint16_t>(*parsed);
  };
  codec.encode = [](const std::uint16_t& value) -> OrderedJson { return value; };
  return codec;
}

Codec<std::size_t> count(std::size_t min, std::size_t max) { return whole_number(min, max); }

Codec<std::size_t> multiple(std::size_t of, std::size_t min, std::size_t max) {
  auto codec = whole_number(min, max);
  codec.expected += ", a multiple of " + std::to_string(of);
  codec.schema["multipleOf"] = of;
  codec.decode = [of, decode = codec.decode](const Json& value, const fs::path& base) {
    const auto number = decode(value, base);
    return number && *number % of == 0 ? number : std::nullopt;
  };
  return codec;
}

Codec<bool> boolean() {
  Codec<bool> codec;
  codec.expected = "true or false";
  codec.schema = {{"type", "boolean"}};
  codec.decode = [](const Json& value, const fs::path&) -> std::optional<bool> {
    if (!value.is_boolean()) return std::nullopt;
    return value.get<bool>();
  };
  codec.encode = [](const bool& value) -> OrderedJson { return value; };
  return codec;
}

Codec<std::string> audience_or_nothing() {
  Codec<std::string> codec;
  codec.expected = "an absolute URI without a fragment, or \"\"";
  codec.schema = {{"type", "string"}};
  codec.decode = [](const Json& value, const fs::path&) -> std::optional<std::string> {
    const auto* text = text_of(value);
    if (text == nullptr || (!text->empty() && !is_audience(*text))) return std::nullopt;
    return *text;
  };
  codec.encode = [](const std::string& value) -> OrderedJson { return value; };
  return codec;
}

Codec<std::optional<std::string>> kid_or_auto() {
  Codec<std::optional<std::string>> codec;
  codec.expected = "\"auto\" or a kid (" + std::to_string(kid_characters) +
                   " characters of A-Z, a-z, 0-9, - and _)";
  codec.schema = {{"type", "string"},
                  {"pattern", "^(auto|[A-Za-z0-9_-]{" + std::to_string(kid_characters) + "})$"}};
  codec.decode = [](const Json& value,
                    const fs::path&) -> std::optional<std::optional<std::string>> {
    const auto* text = text_of(value);
    if (text == nullptr) return std::nullopt;
    if (*text == "auto") return std::optional<std::string>{};
    if (text->size() != kid_characters || !std::ranges::all_of(*text, is_base64url)) {
      return std::nullopt;
    }
    return std::optional<std::string>{*text};
  };
  codec.encode = [](const std::optional<std::string>& value) -> OrderedJson {
    return value.value_or("auto");
  };
  return codec;
}

}  // namespace grantd::config
