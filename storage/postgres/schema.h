/// The table schema_migration: which migrations a database has.
#pragma once

#include <chrono>
#include <vector>

#include "storage/migrator.h"
#include "storage/postgres/connection.h"

namespace grantd::storage::postgres {

/// How long each statement of a migration may take, and wait for another process's migration.
inline constexpr std::chrono::minutes migration_timeout{10};
/// How long a migration waits for the locks of running transactions. Meanwhile it holds up all that
/// come behind it: short.
inline constexpr std::chrono::seconds migration_lock_timeout{2};

/// Ascending; empty where the table is missing. Throws Failure.
[[nodiscard]] std::vector<AppliedMigration> read_applied_migrations(Connection& connection);

/// Inside the caller's transaction. Where another process makes it at the same time the Failure
/// says `exists`.
void make_migration_table(Connection& connection);

/// Inside the caller's transaction: runs the migration and adds its row. Nothing where another
/// process was faster, which is waited for. Throws Failure.
void apply_migration(Connection& connection, const Migration& migration, sys_seconds now);

}  // namespace grantd::storage::postgres
