#include "config/suggest.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>

namespace grantd::config {
namespace {

// Longer ones are no slips of the finger, and the distance costs the product of the lengths.
constexpr std::size_t max_name_characters = 64;

// Levenshtein's distance, a row at a time.
std::size_t edits(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.size() > max_name_characters) return {};
  const std::size_t allowed = std::max<std::size_t>(1, name.size() / 3);
  std::size_t best = std::numeric_limits<std::size_t>::max();
  std::string found;
  for (const auto& candidate : candidates) {
    const auto distance = edits(name, candidate);
    if (distance <= allowed && distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

}  // namespace grantd::config
