#include "server/cli/migrate.h"

#include <memory>
#include <span>

#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/output.h"
#include "server/service/storage.h"

namespace grantd::cli {
namespace {

using Names = std::vector<std::string>;

Names names_of(std::span<const storage::Migration> migrations) {
  Names names;
  for (const auto& migration : migrations) names.emplace_back(migration.name);
  return names;
}

/// Reads at most: where there is no database, none is made.
std::expected<Names, std::string> what_would_be_applied(const config::Config& config) {
  if (!database_exists(config)) return names_of(storage::sqlite_migrations());
  const auto storage = service::open_storage(config.storage, service::CreateStorage::no);
  if (!storage) return std::unexpected(storage.error());
  const auto missing = missing_migrations(**storage);
  if (!missing) return std::unexpected(missing.error());
  return names_of(*missing);
}

std::expected<Names, std::string> apply(const config::Config& config) {
  const auto storage = service::open_storage(config.storage, service::CreateStorage::yes);
  if (!storage) return std::unexpected(storage.error());
  return migrate(**storage, floor_seconds(SystemClock().now()));
}

Outcome<void> run_migrate(const Invocation& invocation, bool dry_run) {
  const auto config = load_configuration(invocation);
  if (!config) return std::unexpected(config.error());
  const auto database = service::name_of(config->storage);
  const auto names = dry_run ? what_would_be_applied(*config) : apply(*config);
  if (!names) return could_not(names.error());
  if (names->empty()) say(database + ": the schema is up to date");
  print(invocation, {{"database", database}, {dry_run ? "missing" : "applied", *names}});
  return {};
}

}  // namespace

std::expected<std::vector<storage::Migration>, std::string> missing_migrations(
    storage::Storage& storage) {
  const auto applied = storage.applied_migrations();
  if (!applied) return std::unexpected("the storage is unavailable: " + applied.error().detail);
  return storage::plan_migrations(storage.known_migrations(), *applied);
}

std::expected<Names, std::string> migrate(storage::Storage& storage, sys_seconds now) {
  const auto missing = missing_migrations(storage);
  if (!missing) return std::unexpected(missing.error());
  if (missing->empty()) return Names{};
  if (const auto done = storage.apply(*missing, now); !done) {
    return std::unexpected("the schema could not be brought up to date: " + done.error().detail);
  }
  return names_of(*missing);
}

void add_migrate_command(Tree& tree) {
  const auto dry_run = std::make_shared<bool>(false);
  auto command = tree.command(
      "migrate", "bring the database's schema up to date (`serve` does it on SQLite)",
      "grantd migrate --dry-run",
      [dry_run](const Invocation& invocation) { return run_migrate(invocation, *dry_run); });
  command.flag("--dry-run", *dry_run, "say what is missing, and change nothing");
}

}  // namespace grantd::cli
