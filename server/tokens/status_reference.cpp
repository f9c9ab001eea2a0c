#include "server/tokens/status_reference.h"

#include <charconv>
#include <limits>

namespace grantd::tokens {
namespace {

constexpr std::uint64_t max_list_id = std::numeric_limits<std::int64_t>::max();

std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t most) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || value > most) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::uint64_t> parse_status_list_id(std::string_view text) {
  const auto id = parse_decimal(text, max_list_id);
  return id && *id > 0 ? id : std::nullopt;
}

std::optional<StatusReference> status_of_jti(std::string_view jti) {
  if (jti.size() <= jti_random_digits || jti[jti_random_digits] != '.' || !is_jti(jti)) {
    return std::nullopt;
  }
  const auto suffix = jti.substr(jti_random_digits + 1);
  const auto dot = suffix.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto list = parse_status_list_id(suffix.substr(0, dot));
  const auto index = parse_decimal(suffix.substr(dot + 1), max_status_list_capacity - 1);
  if (!list || !index) return std::nullopt;
  return StatusReference{*list, *index};
}

std::string jti_suffix(const StatusReference& status) {
  return '.' + std::to_string(status.list) + '.' + std::to_string(status.index);
}

}  // namespace grantd::tokens
