/// The `exchange.issuers` map: foreign issuers whose tokens may be exchanged. Private to config/.
#pragma once

#include <vector>

#include "config/members.h"

namespace grantd::config {

inline constexpr std::size_t max_subject_prefix_characters = 255;

[[nodiscard]] const KeyWords& issuer_keys();
[[nodiscard]] const std::vector<Member<TrustedIssuer>>& issuer_members();

}  // namespace grantd::config
