#include "server/service/storage.h"

#include <utility>

#include "storage/postgres/table_target.h"
#include "storage/sqlite/sqlite_storage.h"

namespace grantd::service {
namespace {

using Opened = std::expected<std::unique_ptr<storage::Storage>, std::string>;

Opened open_sqlite(const config::Config::Storage& settings, CreateStorage create) {
  using storage::sqlite::SqliteStorage;
  auto opened = SqliteStorage::open(
      {.path = settings.sqlite_path},
      create == CreateStorage::yes ? SqliteStorage::Create::yes : SqliteStorage::Create::no);
  if (!opened) return std::unexpected(std::move(opened.error()));
  return std::move(*opened);
}

storage::postgres::Options postgres_options(const config::Config::Storage& settings) {
  storage::postgres::Options options;
  options.parameters = settings.postgres;
  if (!settings.password_file.empty()) options.password_file = settings.password_file;
  options.connections = settings.connections;
  options.connect_timeout = settings.connect_timeout;
  options.statement_timeout = settings.statement_timeout;
  return options;
}

}  // namespace

Opened open_storage(const config::Config::Storage& settings, CreateStorage create) {
  switch (settings.backend) {
    case config::StorageBackend::sqlite:
      return open_sqlite(settings, create);
    case config::StorageBackend::postgresql:
      return storage::postgres::open(postgres_options(settings));
  }
  std::unreachable();
}

std::expected<std::unique_ptr<storage::TableTarget>, std::string> open_table_target(
    const config::Config::Storage& settings) {
  return storage::postgres::open_table_target(postgres_options(settings));
}

std::string name_of(const config::Config::Storage& settings) {
  return settings.backend == config::StorageBackend::sqlite ? settings.sqlite_path.string()
                                                            : settings.url;
}

}  // namespace grantd::service
