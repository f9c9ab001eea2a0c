/// libpq's messages for a log line.
#pragma once

#include <string>
#include <string_view>

namespace grantd::storage::postgres {

/// Line breaks and the tabs behind them become one space; none at the ends.
[[nodiscard]] inline std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!blank) {
      line.push_back(c);
    } else if (!line.empty() && line.back() != ' ') {
      line.push_back(' ');
    }
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace grantd::storage::postgres
