/// Lists of values with weights, such as Accept and Accept-Encoding (RFC 9110 §5.6.1, §12.4.2).
/// Pure.
#pragma once

#include <optional>
#include <string_view>

namespace grantd::http {

struct Weighted {
  std::string_view value{};     // without its parameters
  std::optional<int> weight{};  // 0 to 1000, 1000 where none is given; nothing where it is broken
  bool has_parameters{false};   // others than the weight
};

/// The field's first element; `field` loses it and its comma.
[[nodiscard]] Weighted take_weighted(std::string_view& field);

}  // namespace grantd::http
