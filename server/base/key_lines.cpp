#include "server/base/key_lines.h"

#include <algorithm>
#include <cstring>

#include "server/base/text.h"

namespace grantd {
namespace {

constexpr std::size_t line_digits = key_line_octets * 2;
constexpr std::size_t id_octets = 6;

bool decode_hex(std::string_view text, std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digit_value(text[2 * i]);
    const int low = hex_digit_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

}  // namespace

KeyLine::KeyLine(KeyLine&& other) noexcept : octets(other.octets) {
  explicit_bzero(other.octets.data(), other.octets.size());
}

KeyLine& KeyLine::operator=(KeyLine&& other) noexcept {
  if (this != &other) {
    octets = other.octets;
    explicit_bzero(other.octets.data(), other.octets.size());
  }
  return *this;
}

KeyLine::~KeyLine() { explicit_bzero(octets.data(), octets.size()); }

std::expected<std::vector<KeyLine>, std::string> parse_key_lines(std::string_view content,
                                                                 const std::string& noun) {
  std::vector<KeyLine> keys;
  for (std::size_t line_number = 1; !content.empty(); ++line_number) {
    const auto end = std::min(content.find('\n'), content.size());
    auto line = content.substr(0, end);
    content.remove_prefix(std::min(end + 1, content.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;

    const auto where = "line " + std::to_string(line_number) + " of the " + noun + " file";
    if (keys.size() == max_key_lines) {
      return std::unexpected(where + " is one too many, expected at most " +
                             std::to_string(max_key_lines) + " " + noun + "s");
    }
    KeyLine key;
    if (line.size() != line_digits || !decode_hex(line, key.octets)) {
      return std::unexpected(where + " has " + std::to_string(line.size()) +
                             " characters that are no " + noun + ", expected " +
                             std::to_string(line_digits) + " hex digits");
    }
    keys.push_back(std::move(key));
  }
  if (keys.empty()) {
    return std::unexpected("the " + noun + " file holds no " + noun + ", expected " +
                           std::to_string(line_digits) + " hex digits a line");
  }
  return keys;
}

SecretString generate_key_line(Random& random) {
  std::string line;
  line.reserve(line_digits + 1);
  auto digits = random_hex(random, key_line_octets);
  line.append(digits).append("\n");
  cleanse(digits);
  return SecretString(std::move(line));
}

std::string key_line_id(std::span<const std::uint8_t> digest) {
  static constexpr std::string_view alphabet = "0123456789abcdef";
  std::string id;
  for (const std::uint8_t octet : digest.first(id_octets)) {
    id += alphabet[octet >> 4U];
    id += alphabet[octet & 0xfU];
  }
  return id;
}

}  // namespace grantd
