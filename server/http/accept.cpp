#include "server/http/accept.h"

#include <algorithm>
#include <optional>

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

/// The weight among an element's parameters, full where there is none; nothing where it is broken.
std::optional<int> weight_among(std::string_view parameters) {
  while (!parameters.empty()) {
    auto value = take_until(parameters, ';');
    const auto name = take_until(value, '=');
    if (equal_ignoring_case(name, "q")) return weight_of(value);
  }
  return full_weight;
}

/// How closely a media range names a type: 0 not at all, 3 by its own name.
int closeness(std::string_view range, std::string_view type) {
  if (equal_ignoring_case(range, type)) return 3;
  if (range == "*/*") return 1;
  const auto group = type.substr(0, type.find('/') + 1);
  const bool of_group = range.size() == group.size() + 1 && range.ends_with("/*") &&
                        equal_ignoring_case(range.substr(0, group.size()), group);
  return of_group ? 2 : 0;
}

}  // namespace

bool asks_for(std::string_view accept, std::string_view offered, std::string_view usual) {
  int offered_weight = 0;
  int usual_weight = 0;
  int usual_closeness = 0;
  while (!accept.empty()) {
    auto parameters = take_until(accept, ',');
    const auto range = take_until(parameters, ';');
    const auto weight = weight_among(parameters);
    if (!weight) continue;
    if (equal_ignoring_case(range, offered)) offered_weight = *weight;
    const int close = closeness(range, usual);
    if (close > 0 && close >= usual_closeness) {
      usual_closeness = close;
      usual_weight = *weight;
    }
  }
  return offered_weight > 0 && offered_weight >= usual_weight;
}

}  // namespace grantd::http
