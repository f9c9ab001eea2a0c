/// keys.signing_key: the kid that an operator named. Private to keys/.
#pragma once

#include <expected>
#include <string>

#include "server/keys/custody.h"

namespace grantd::keys {

/// Error: the key that `settings` pins can never sign, or no more.
[[nodiscard]] std::expected<void, std::string> check_pin(const RotationSettings& settings,
                                                         const Records& records,
                                                         const KeyCustody::Content& content,
                                                         const KeyCustody::Words& words,
                                                         WallTime now);

}  // namespace grantd::keys
