/// Octets as lower-case hex digits.
#pragma once

#include <string>
#include <string_view>

namespace grantd {

inline void append_hex(std::string& into, std::string_view octets) {
  static constexpr std::string_view digits = "0123456789abcdef";
  for (const char octet : octets) {
    const auto value = static_cast<unsigned char>(octet);
    into.push_back(digits[value >> 4U]);
    into.push_back(digits[value & 0x0fU]);
  }
}

}  // namespace grantd
