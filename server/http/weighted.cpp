#include "server/http/weighted.h"

#include <algorithm>

#include "server/base/text.h"

namespace grantd::http {
namespace {

constexpr int full_weight = 1000;  // weights in thousandths (RFC 9110 §12.4.2)

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// What stands before the next `separator` outside a quoted string; `rest` loses both.
std::string_view take_until(std::string_view& rest, char separator) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < rest.size(); ++end) {
    const char c = rest[end];
    if (c == '"') quoted = !quoted;
    if (c == '\\' && quoted) ++end;
    if (c == separator && !quoted) break;
  }
  end = std::min(end, rest.size());
  const auto part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trim(part);
}

/// "0" or "1" and at most three decimals.
std::optional<int> weight_of(std::string_view text) {
  constexpr std::size_t longest = 5;  // "0.123"
  if (text.empty() || text.size() > longest || (text[0] != '0' && text[0] != '1')) return {};
  if (text.size() > 1 && text[1] != '.') return {};
  int weight = text[0] == '1' ? full_weight : 0;
  int place = full_weight / 10;
  for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (c < '0' || c > '9') return {};
    weight += (c - '0') * place;
    place /= 10;
  }
  if (weight > full_weight) return {};
  return weight;
}

void read_parameters(std::string_view parameters, Weighted& element) {
  bool weighed = false;
  element.weight = full_weight;
  while (!parameters.empty()) {
    auto value = take_until(parameters, ';');
    const auto name = take_until(value, '=');
    if (!equal_ignoring_case(name, "q")) {
      element.has_parameters = true;
    } else if (!weighed) {
      element.weight = weight_of(value);
      weighed = true;
    }
  }
}

}  // namespace

Weighted take_weighted(std::string_view& field) {
  auto parameters = take_until(field, ',');
  Weighted element;
  element.value = take_until(parameters, ';');
  read_parameters(parameters, element);
  return element;
}

}  // namespace grantd::http
