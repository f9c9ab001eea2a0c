#include "server/jose/base64url.h"

#include <array>
#include <cstddef>

namespace grantd::jose {
namespace {

constexpr std::string_view url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view plain_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::uint8_t no_digit = 64;
using Digits = std::array<std::uint8_t, 256>;

constexpr Digits digits_of(std::string_view alphabet) {
  Digits digits{};
  digits.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    digits[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}
constexpr Digits url_digits = digits_of(url_alphabet);
constexpr Digits plain_digits = digits_of(plain_alphabet);

/// Without padding: four digits are three octets, and two or three at the end one or two.
std::optional<std::string> decode(std::string_view text, const Digits& digits) {
  const std::size_t rest = text.size() % 4;
  if (rest == 1) return std::nullopt;
  const auto digit = [&](std::size_t at) -> std::uint32_t {
    return digits[static_cast<unsigned char>(text[at])];
  };
  std::string out(text.size() * 3 / 4, '\0');
  char* to = out.data();
  std::uint32_t seen = 0;  // no_digit is a bit that no digit has
  std::size_t at = 0;
  for (; at + 4 <= text.size(); at += 4) {
    const std::uint32_t a = digit(at), b = digit(at + 1), c = digit(at + 2), d = digit(at + 3);
    seen |= a | b | c | d;
    *to++ = static_cast<char>(a << 2U | b >> 4U);
    *to++ = static_cast<char>(b << 4U | c >> 2U);
    *to++ = static_cast<char>(c << 6U | d);
  }
  // Bits that belong to no octet: two texts for the same octets would be two names for one token.
  std::uint32_t stray = 0;
  if (rest != 0) {
    const std::uint32_t a = digit(at), b = digit(at + 1), c = rest == 3 ? digit(at + 2) : 0;
    seen |= a | b | c;
    *to++ = static_cast<char>(a << 2U | b >> 4U);
    if (rest == 3) *to++ = static_cast<char>(b << 4U | c >> 2U);
    stray = rest == 3 ? c & 3U : b & 15U;
  }
  if ((seen & no_digit) != 0 || stray != 0) return std::nullopt;
  return out;
}

}  // namespace

void append_base64url(std::string& out, std::string_view bytes) {
  const std::size_t begin = out.size();
  out.resize(begin + (bytes.size() * 4 + 2) / 3);
  char* to = out.data() + begin;
  const auto octet = [&bytes](std::size_t i) -> std::uint32_t {
    return static_cast<unsigned char>(bytes[i]);
  };
  std::size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3) {
    const std::uint32_t group = octet(at) << 16U | octet(at + 1) << 8U | octet(at + 2);
    *to++ = url_alphabet[group >> 18U];
    *to++ = url_alphabet[(group >> 12U) & 63U];
    *to++ = url_alphabet[(group >> 6U) & 63U];
    *to++ = url_alphabet[group & 63U];
  }
  const std::size_t rest = bytes.size() - at;
  if (rest == 0) return;
  const std::uint32_t group = octet(at) << 16U | (rest == 2 ? octet(at + 1) << 8U : 0U);
  *to++ = url_alphabet[group >> 18U];
  *to++ = url_alphabet[(group >> 12U) & 63U];
  if (rest == 2) *to++ = url_alphabet[(group >> 6U) & 63U];
}

std::string base64url(std::string_view bytes) {
  std::string out;
  append_base64url(out, bytes);
  return out;
}

std::string base64url(std::span<const std::uint8_t> bytes) {
  return base64url(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::optional<std::string> base64url_decode(std::string_view text) {
  return decode(text, url_digits);
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.ends_with('=')) {
    // Padding fills the last group of four, or is not there at all.
    if (text.size() % 4 != 0) return std::nullopt;
    text.remove_suffix(text.ends_with("==") ? 2 : 1);
  }
  return decode(text, plain_digits);
}

}  // namespace grantd::jose
