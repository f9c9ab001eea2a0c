/// A file of symmetric keys: one a line, 64 hex digits, the first is the one that makes anything
/// new. Empty lines are passed over.
///
/// For peppers and for the keys that wrap signing keys. What is read is cleansed when it goes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/random.h"
#include "server/base/secret.h"

namespace grantd {

inline constexpr std::size_t key_line_octets = 32;
inline constexpr std::size_t max_key_lines = 64;
inline constexpr std::size_t max_key_lines_file_bytes = 16 * 1024;

class KeyLine {
 public:
  KeyLine() = default;
  KeyLine(const KeyLine&) = delete;
  KeyLine& operator=(const KeyLine&) = delete;
  KeyLine(KeyLine&& other) noexcept;
  KeyLine& operator=(KeyLine&& other) noexcept;
  ~KeyLine();

  std::array<std::uint8_t, key_line_octets> octets{};
};

/// At least one, at most max_key_lines. `noun` is what a line holds ("pepper"). Error: a sentence
/// that names the line and what is expected, never its content.
[[nodiscard]] std::expected<std::vector<KeyLine>, std::string> parse_key_lines(
    std::string_view content, const std::string& noun);

/// A new line, with its end.
[[nodiscard]] SecretString generate_key_line(Random& random);

/// The public id of a key: the first 12 hex digits of a digest that was derived from it.
[[nodiscard]] std::string key_line_id(std::span<const std::uint8_t> digest);

}  // namespace grantd
