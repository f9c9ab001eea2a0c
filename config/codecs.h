/// The kinds of value that the configuration knows, each with its words, its JSON Schema and its
/// strict reader. Private to config/.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/field.h"

namespace grantd::config {

/// An IPv4 or IPv6 address, no name: what is bound must not depend on a resolver.
[[nodiscard]] Codec<std::string> ip_address();

/// A path; a relative one starts from the file's directory.
[[nodiscard]] Codec<std::filesystem::path> path();
/// The same, or an empty string.
[[nodiscard]] Codec<std::filesystem::path> path_or_nothing();
[[nodiscard]] bool is_path_text(std::string_view text);
inline constexpr std::size_t max_path_bytes = 4095;  // PATH_MAX without its NUL

/// RFC 8414 §2: an https URI without query and fragment. What could be spelled in two ways
/// (userinfo, percent-encoding, dot segments, empty segments) is refused: `iss` is compared byte
/// for byte.
[[nodiscard]] Codec<std::string> issuer();
inline constexpr std::size_t max_issuer_characters = 512;

/// Bounds and defaults are written as in the file ("5m"), durations as whole seconds.
[[nodiscard]] Codec<std::chrono::seconds> whole_seconds(const std::string& min,
                                                        const std::string& max);
[[nodiscard]] Codec<std::optional<std::chrono::seconds>> whole_seconds_or_never(
    const std::string& min, const std::string& max);
[[nodiscard]] Codec<std::chrono::milliseconds> duration(const std::string& min,
                                                        const std::string& max);
[[nodiscard]] Codec<std::size_t> size(const std::string& min, const std::string& max);

[[nodiscard]] Codec<std::uint16_t> port();
[[nodiscard]] Codec<std::size_t> count(std::size_t min, std::size_t max);
/// A count that `of` divides.
[[nodiscard]] Codec<std::size_t> multiple(std::size_t of, std::size_t min, std::size_t max);
[[nodiscard]] Codec<bool> boolean();

/// An absolute URI without fragment (RFC 8707 §2), or an empty string.
[[nodiscard]] Codec<std::string> audience_or_nothing();

/// "auto" (absent) or a kid, which is an RFC 7638 thumbprint: 43 base64url characters.
[[nodiscard]] Codec<std::optional<std::string>> kid_or_auto();
inline constexpr std::size_t kid_characters = 43;

/// One of a few words, each standing for a value.
template <typename T>
[[nodiscard]] Codec<T> one_of(const std::vector<std::pair<std::string, T>>& words) {
  Codec<T> codec;
  OrderedJson names = OrderedJson::array();
  for (const auto& [word, value] : words) {
    const bool last = word == words.back().first;
    if (!names.empty()) codec.expected += last ? " or " : ", ";
    codec.expected += '"' + word + '"';
    names.push_back(word);
  }
  codec.schema = {{"enum", names}};
  codec.decode = [words](const Json& value, const std::filesystem::path&) -> std::optional<T> {
    for (const auto& [word, meant] : words) {
      if (value.is_string() && value.get_ref<const std::string&>() == word) return meant;
    }
    return std::nullopt;
  };
  codec.encode = [words](const T& value) -> OrderedJson {
    for (const auto& [word, meant] : words) {
      if (meant == value) return word;
    }
    return nullptr;
  };
  return codec;
}

}  // namespace grantd::config
