/// PostgreSQL as the end of a move of whole tables.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <string>

#include "storage/copy.h"
#include "storage/postgres/postgres_storage.h"

namespace grantd::storage::postgres {

/// Of one statement inside the move: sorting a table of millions, the COMMIT of all of it.
inline constexpr std::chrono::minutes copy_statement_timeout{10};

/// One connection of its own. Error: one sentence for the operator, without a password.
[[nodiscard]] std::expected<std::unique_ptr<TableTarget>, std::string> open_table_target(
    const Options& options);

}  // namespace grantd::storage::postgres
