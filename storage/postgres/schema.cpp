#include "storage/postgres/schema.h"

namespace grantd::storage::postgres {

std::vector<AppliedMigration> read_applied_migrations(Connection& connection) {
  std::vector<AppliedMigration> applied;
  if (connection.query("SELECT to_regclass('schema_migration')::text").is_null(0, 0)) {
    return applied;
  }
  const Rows rows = connection.query(
      "SELECT number, name, checksum, compatible_from FROM schema_migration ORDER BY number");
  for (std::size_t row = 0; row < rows.size(); ++row) {
    applied.push_back({static_cast<int>(rows.integer(row, 0)), rows.string(row, 1),
                       rows.string(row, 2), static_cast<int>(rows.integer(row, 3))});
  }
  return applied;
}

void make_migration_table(Connection& connection) {
  connection.execute(
      "CREATE TABLE IF NOT EXISTS schema_migration ("
      "  number          BIGINT PRIMARY KEY,"
      "  name            TEXT   NOT NULL,"
      "  checksum        TEXT   NOT NULL,"
      "  compatible_from BIGINT NOT NULL,"
      "  applied_at      BIGINT NOT NULL"
      ")");
}

void apply_migration(Connection& connection, const Migration& migration, sys_seconds now) {
  const std::string patience = std::to_string(std::chrono::milliseconds{migration_timeout}.count());
  connection.allow(migration_timeout);
  connection.execute("SET LOCAL lock_timeout = " + patience);
  // The row comes first: a second process waits here for the outcome of the first.
  const std::size_t added = connection.run(
      "INSERT INTO schema_migration (number, name, checksum, compatible_from, applied_at)"
      " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (number) DO NOTHING",
      migration.number, migration.name, migration.checksum, migration.compatible_from, now);
  if (added == 0) {
    const Rows same = connection.query(
        "SELECT name, checksum FROM schema_migration WHERE number = $1", migration.number);
    if (same.size() == 1 && same.text(0, 1) == migration.checksum) return;
    throw Failure(Failure::Kind::answered, {},
                  "another process applied another migration " +
                      (same.empty() ? std::string(migration.name) : same.string(0, 0)));
  }
  connection.execute("SET LOCAL lock_timeout = " +
                     std::to_string(std::chrono::milliseconds{migration_lock_timeout}.count()));
  connection.execute(std::string(migration.sql));
}

}  // namespace grantd::storage::postgres
