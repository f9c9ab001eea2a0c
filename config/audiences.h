/// The `audiences` map: what is particular to an audience. Private to config/.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "config/members.h"

namespace grantd::config {

inline constexpr std::size_t max_audience_characters = 255;
inline constexpr std::size_t max_audience_scopes = 1000;

/// RFC 8707 §2: an absolute URI without fragment, of bounded length.
[[nodiscard]] bool is_audience(std::string_view text);

[[nodiscard]] const KeyWords& audience_keys();
/// What may stand in an audience's object.
[[nodiscard]] const std::vector<Member<Audience>>& audience_members();

}  // namespace grantd::config
