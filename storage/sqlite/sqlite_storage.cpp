#include "storage/sqlite/sqlite_storage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "server/base/descriptor.h"
#include "server/base/files.h"
#include "storage/sqlite/backend.h"
#include "storage/sqlite/schema.h"

namespace grantd::storage::sqlite {
namespace {

/// Before SQLite does, which would use the umask. SQLite gives `-wal` and `-shm` this file's mode
/// and owner.
std::expected<void, std::string> make_file_if_missing(const std::filesystem::path& path) {
  const Descriptor file(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (file.valid()) return give_to_directory_owner(path);
  const int error = errno;
  if (error == EEXIST) return {};
  return std::unexpected(path.string() + ": the database file cannot be made: " +
                         std::generic_category().message(error));
}

}  // namespace

std::expected<std::unique_ptr<SqliteStorage>, std::string> SqliteStorage::open(
    const Options& options, Create create) {
  Options absolute = options;
  std::error_code error;
  absolute.path = std::filesystem::absolute(options.path, error);
  if (error) return std::unexpected(options.path.string() + ": " + error.message());
  if (create == Create::yes) {
    if (auto made = make_file_if_missing(absolute.path); !made) {
      return std::unexpected(made.error());
    }
  }
  auto database = std::make_unique<Database>(absolute);
  if (auto opened = database->open(); !opened) return std::unexpected(opened.error());
  return std::make_unique<Backend>(std::move(database));
}

StoreResult<void> Backend::ping() {
  return database_->read([](Connection& connection) -> StoreResult<void> {
    connection.query("SELECT value FROM counter WHERE name = 'change'").step();
    return {};
  });
}

StoreResult<std::vector<AppliedMigration>> Backend::applied_migrations() {
  return database_->read([](Connection& connection) -> StoreResult<std::vector<AppliedMigration>> {
    return read_applied_migrations(connection);
  });
}

StoreResult<void> Backend::apply(const std::vector<Migration>& migrations, sys_seconds now) {
  for (const Migration& migration : migrations) {
    auto applied = database_->write([&](Connection& connection) -> StoreResult<void> {
      apply_migration(connection, migration, now);
      return {};
    });
    if (!applied) return applied;
  }
  return {};
}

}  // namespace grantd::storage::sqlite
