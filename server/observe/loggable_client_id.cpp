#include <algorithm>
#include <string>
#include <string_view>

#include "server/observe/log.h"

namespace grantd::observe {
namespace {

constexpr std::size_t max_loggable_client_id = 64;
/// 32 characters are the least that a secret brought from another system may have.
constexpr std::size_t min_secret_characters = 32;
constexpr std::string_view redacted = "[redacted]";
constexpr std::string_view uuid_shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_uuid(std::string_view word) {
  return std::ranges::equal(word, uuid_shape, [](char c, char shape) {
    return shape == '-' ? c == '-' : is_hex_digit(c);
  });
}

bool has_long_word(std::string_view text) {
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    if (word.size() >= min_secret_characters && !is_uuid(word)) return true;
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return false;
}

}  // namespace

std::string loggable_client_id(std::string_view unregistered) {
  // Our own secrets and handles, and JWTs: `eyJ` is how base64url writes `{"`.
  if (unregistered.contains("gds_") || unregistered.contains("gdt_") ||
      unregistered.contains("eyJ") || has_long_word(unregistered)) {
    return std::string(redacted);
  }
  return std::string(unregistered.substr(0, max_loggable_client_id));
}

}  // namespace grantd::observe
