#include "server/http/content_coding.h"

#include <optional>

#include "server/base/text.h"

namespace grantd::http {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// What stands before the next `separator`; `rest` loses both.
std::string_view take_until(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return trim(part);
}

/// RFC 9110 §12.4.2: "0" or "1" and at most three decimals; whether it is above 0. None where it
/// is no weight.
std::optional<bool> is_positive_weight(std::string_view text) {
  constexpr std::size_t longest = 5;  // "0.123"
  if (text.empty() || text.size() > longest || (text[0] != '0' && text[0] != '1')) return {};
  if (text.size() > 1 && text[1] != '.') return {};
  const auto decimals = text.substr(text.size() > 1 ? 2 : 1);
  const bool one = text[0] == '1';
  if (decimals.find_first_not_of(one ? "0" : "0123456789") != std::string_view::npos) return {};
  return one || decimals.find_first_not_of('0') != std::string_view::npos;
}

/// Whether one element, behind its coding, allows it: "", or ";q=" and a weight above 0.
bool is_wanted(std::string_view parameters) {
  if (parameters.empty()) return true;
  if (parameters.size() < 2 || ascii_lower(parameters[0]) != 'q' || parameters[1] != '=') {
    return false;
  }
  return is_positive_weight(parameters.substr(2)).value_or(false);
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<bool> named;
  bool others = false;
  while (!accept_encoding.empty()) {
    auto element = take_until(accept_encoding, ',');
    const auto coding = take_until(element, ';');
    const bool wanted = is_wanted(trim(element));
    if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip")) {
      // Named twice with other weights: the careful reading.
      named = named.value_or(true) && wanted;
    } else if (coding == "*") {
      others = wanted;
    }
  }
  return named.value_or(others);
}

}  // namespace grantd::http
