/// What somebody who wrote an unknown name probably meant. Private to config/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace grantd::config {

/// The candidate that the fewest edits lead to, where few enough do; else empty.
[[nodiscard]] std::string nearest(std::string_view name,
                                  const std::vector<std::string>& candidates);

}  // namespace grantd::config
