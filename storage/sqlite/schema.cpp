#include "storage/sqlite/schema.h"

#include <algorithm>

namespace grantd::storage::sqlite {

std::vector<AppliedMigration> read_applied_migrations(Connection& connection) {
  std::vector<AppliedMigration> applied;
  if (!connection
           .query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration'")
           .step()) {
    return applied;
  }
  auto rows = connection.query(
      "SELECT number, name, checksum, compatible_from FROM schema_migration ORDER BY number");
  while (rows.step()) {
    applied.push_back({static_cast<int>(rows.integer(0)), rows.string(1), rows.string(2),
                       static_cast<int>(rows.integer(3))});
  }
  return applied;
}

void apply_migration(Connection& connection, const Migration& migration, sys_seconds now) {
  const auto applied = read_applied_migrations(connection);
  const auto same = std::ranges::find(applied, migration.number, &AppliedMigration::number);
  if (same != applied.end()) {
    if (same->checksum == migration.checksum) return;
    throw Failure(SQLITE_SCHEMA, "another process applied another migration " + same->name);
  }
  connection.execute(
      "CREATE TABLE IF NOT EXISTS schema_migration ("
      "  number          INTEGER PRIMARY KEY,"
      "  name            TEXT    NOT NULL,"
      "  checksum        TEXT    NOT NULL,"
      "  compatible_from INTEGER NOT NULL,"
      "  applied_at      INTEGER NOT NULL"
      ") STRICT");
  connection.execute(std::string(migration.sql));
  connection.run(
      "INSERT INTO schema_migration (number, name, checksum, compatible_from, applied_at)"
      " VALUES (?, ?, ?, ?, ?)",
      std::int64_t{migration.number}, migration.name, migration.checksum,
      std::int64_t{migration.compatible_from}, now);
}

}  // namespace grantd::storage::sqlite
