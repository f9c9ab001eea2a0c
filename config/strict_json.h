/// JSON with comments, read more strictly than nlohmann/json alone does. Private to config/.
#pragma once

#include <string>
#include <string_view>

#include "config/field.h"

namespace grantd::config {

inline constexpr std::size_t max_depth = 16;

/// The document, or null with faults: syntax (with line and column), nesting beyond max_depth, NUL
/// octets. A repeated key is a fault each time while the document is still read, with its last
/// value, so that the other faults come in the same go. `name` stands for the whole document in
/// faults.
[[nodiscard]] Json read_strict_json(std::string_view text, const std::string& name, Faults& faults);

}  // namespace grantd::config
