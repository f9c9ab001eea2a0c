#include "storage/postgres/postgres_storage.h"

#include <utility>

#include "server/base/files.h"
#include "storage/postgres/backend.h"
#include "storage/postgres/health.h"
#include "storage/postgres/hosts.h"
#include "storage/postgres/schema.h"

namespace grantd::storage::postgres {

std::expected<std::unique_ptr<Storage>, std::string> open(const Options& options) {
  const auto hosts = split_hosts(options.parameters);
  if (!hosts) return std::unexpected(hosts.error());
  auto database = std::make_unique<Database>(options, *hosts);
  if (auto opened = database->open(); !opened) return std::unexpected(opened.error());
  return std::make_unique<Backend>(std::move(database));
}

StoreResult<void> Backend::ping() {
  return database_->read_one([](Connection& connection) -> StoreResult<void> {
    connection.query("SELECT value FROM counter WHERE name = 'change'");
    return {};
  });
}

StoreResult<std::optional<WallTime>> Backend::clock() {
  return database_->read_one([](Connection& connection) -> StoreResult<std::optional<WallTime>> {
    return read_clock(connection);
  });
}

StoreResult<std::vector<std::string>> Backend::warnings() {
  auto found = database_->read_one([](Connection& connection) {
    return StoreResult<std::vector<std::string>>(durability_warnings(connection));
  });
  if (!found) return found;
  for (const Keywords& host : database_->hosts()) {
    if (auto warning = tls_warning(host)) found->push_back(std::move(*warning));
  }
  if (const auto& path = database_->options().password_file) {
    const auto file = read_private_file(*path, max_password_file_bytes);
    if (file && file->warning) found->push_back(*file->warning);
  }
  return found;
}

StoreResult<std::vector<AppliedMigration>> Backend::applied_migrations() {
  return database_->read([](Connection& connection) -> StoreResult<std::vector<AppliedMigration>> {
    return read_applied_migrations(connection);
  });
}

StoreResult<void> Backend::apply(const std::vector<Migration>& migrations, sys_seconds now) {
  auto made = database_->write([](Connection& connection) -> StoreResult<void> {
    make_migration_table(connection);
    return {};
  });
  // Two processes that begin at once: the other one has made it.
  if (!made && made.error().code != StoreErrorCode::exists) return made;
  for (const Migration& migration : migrations) {
    auto applied = database_->write([&](Connection& connection) -> StoreResult<void> {
      apply_migration(connection, migration, now);
      return {};
    });
    if (!applied) return applied;
  }
  return {};
}

}  // namespace grantd::storage::postgres
