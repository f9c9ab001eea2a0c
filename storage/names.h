/// The words that stand in the database and in `operator_change` log lines for the enums.
#pragma once

#include <optional>
#include <string_view>

#include "storage/records.h"

namespace grantd::storage {

[[nodiscard]] std::string_view name(ChangeKind kind);
[[nodiscard]] std::optional<ChangeKind> change_kind(std::string_view name);
[[nodiscard]] std::optional<AuthMethod> auth_method(std::string_view name);
[[nodiscard]] std::optional<TokenFormat> token_format(std::string_view name);
[[nodiscard]] std::optional<ExchangeMode> exchange_mode(std::string_view name);
[[nodiscard]] std::string_view name(KeyOrigin origin);
[[nodiscard]] std::optional<KeyOrigin> key_origin(std::string_view name);

}  // namespace grantd::storage
