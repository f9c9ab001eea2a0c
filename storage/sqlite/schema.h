/// The table schema_migration: which migrations a database has.
#pragma once

#include <vector>

#include "storage/migrator.h"
#include "storage/sqlite/connection.h"

namespace grantd::storage::sqlite {

/// Ascending; empty where the table is missing. Throws Failure.
[[nodiscard]] std::vector<AppliedMigration> read_applied_migrations(Connection& connection);

/// Inside the caller's transaction: runs the migration and adds its row. Nothing where another
/// process was faster. Throws Failure.
void apply_migration(Connection& connection, const Migration& migration, sys_seconds now);

}  // namespace grantd::storage::sqlite
