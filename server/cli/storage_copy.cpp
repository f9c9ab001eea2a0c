/// `grantd storage copy`: from one machine's SQLite to PostgreSQL.
#include <algorithm>
#include <memory>
#include <utility>

#include "config/load.h"
#include "server/base/random.h"
#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/copied_keys.h"
#include "server/cli/migrate.h"
#include "server/cli/output.h"
#include "server/cli/table_copy.h"
#include "server/clients/peppers.h"
#include "server/keys/wrapping.h"
#include "server/service/storage.h"
#include "storage/sqlite/sqlite_storage.h"

namespace grantd::cli {
namespace {

using storage::sqlite::ServerLock;
using storage::sqlite::SqliteStorage;

constexpr std::string_view sqlite_prefix = "sqlite:";
constexpr std::string_view postgres_prefix = "postgresql://";
constexpr auto url_variable = "GRANTD_STORAGE__URL";

struct CopyOptions {
  Text from{};
  Text to{};
  Text keys{};
};

/// The old database, on which no server runs and no server starts.
struct Source {
  std::filesystem::path path{};
  ServerLock lock;
  std::unique_ptr<SqliteStorage> storage{};
};

Outcome<std::filesystem::path> source_path(const CopyOptions& options) {
  if (!options.from) return makes_no_sense("--from is required");
  if (!options.from->starts_with(sqlite_prefix) || options.from->size() == sqlite_prefix.size()) {
    return makes_no_sense(
        "--from: expected sqlite:PATH; storage copy goes from SQLite to PostgreSQL alone (what "
        "is in PostgreSQL is moved by its own tools, pg_dump and pg_restore)");
  }
  return options.from->substr(sqlite_prefix.size());
}

/// The new one: storage.url as --to says, where it does.
Outcome<config::Config> target_configuration(const Invocation& invocation,
                                             const CopyOptions& options) {
  auto environment = config::process_environment();
  if (options.to) {
    if (!options.to->starts_with(postgres_prefix)) {
      return makes_no_sense(
          "--to: expected postgresql://…; storage copy goes from SQLite to PostgreSQL alone "
          "(SQLite is copied by `grantd backup`)");
    }
    environment[url_variable] = *options.to;
  }
  auto config = config::load(configuration_file(invocation), environment);
  if (!config) return std::unexpected(configuration_faults(config.error()));
  if (config->storage.backend != config::StorageBackend::postgresql) {
    return makes_no_sense(
        "storage.url is not PostgreSQL: --config is the configuration of the new installation");
  }
  return std::move(*config);
}

Outcome<Source> open_source(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return could_not(path.string() + ": there is no database");
  }
  auto lock = ServerLock::acquire(path);
  if (!lock) return could_not(lock.error());
  auto opened = SqliteStorage::open({.path = path}, SqliteStorage::Create::no);
  if (!opened) return could_not(opened.error());
  const auto missing = missing_migrations(**opened);
  if (!missing) return could_not(path.string() + ": " + missing.error());
  if (!missing->empty()) {
    return could_not(path.string() +
                     ": the schema is behind this grantd; run `grantd migrate` with the "
                     "configuration of the old installation");
  }
  return Source{path, std::move(*lock), std::move(*opened)};
}

Outcome<std::unique_ptr<storage::TableTarget>> open_target(
    const config::Config::Storage& settings) {
  const auto name = service::name_of(settings);
  const auto storage = service::open_storage(settings, service::CreateStorage::no);
  if (!storage) return could_not(storage.error());
  const auto missing = missing_migrations(**storage);
  if (!missing) return could_not(name + ": " + missing.error());
  if (!missing->empty()) {
    return could_not(name + ": the schema is missing or behind; run `grantd migrate` first");
  }
  const auto warnings = (*storage)->warnings();
  if (!warnings) return store_failure(warnings.error(), name);
  for (const auto& warning : *warnings) say("warning: " + warning);
  auto target = service::open_table_target(settings);
  if (!target) return could_not(target.error());
  return std::move(*target);
}

Outcome<void> check_peppers(const config::Config& config, SqliteStorage& source) {
  const auto loaded = clients::Peppers::load(config.storage.pepper_file);
  if (!loaded) return makes_no_sense(loaded.error());
  if (loaded->warning) say(*loaded->warning);
  const auto in_use = source.peppers_in_use();
  if (!in_use) return store_failure(in_use.error(), "peppers");
  if (const auto covered = loaded->peppers.covers(*in_use); !covered) {
    return could_not(covered.error());
  }
  return {};
}

Outcome<keys::WrappingKeys> load_wrapping_keys(const config::Config& config) {
  auto loaded = keys::WrappingKeys::load(config.keys.wrapping_key_file);
  if (!loaded) return makes_no_sense(loaded.error());
  if (loaded->warning) say(*loaded->warning);
  return std::move(loaded->keys);
}

void say_what_is_next(const Source& source, const CopiedKeys& keys,
                      const std::filesystem::path& directory) {
  for (const auto& key : keys.wrapped) {
    say("key " + key.kid + " is in the database now, wrapped under " + key.wrapping_key_id);
  }
  say("the old database was not changed. So that no server starts on it again, and goes its own "
      "way: mv " +
      source.path.string() + " " + source.path.string() + ".copied");
  if (!keys.wrapped.empty()) {
    say("the PEM files in " + directory.string() +
        " were not changed: keep them, readable by nobody, until the new servers have signed, "
        "then delete them");
  }
}

Outcome<void> copy(const Invocation& invocation, const CopyOptions& options) {
  const auto path = source_path(options);
  if (!path) return std::unexpected(path.error());
  const auto config = target_configuration(invocation, options);
  if (!config) return std::unexpected(config.error());
  const auto source = open_source(*path);
  if (!source) return std::unexpected(source.error());
  if (auto good = check_peppers(*config, *source->storage); !good) return good;
  const auto wrapping = load_wrapping_keys(*config);
  if (!wrapping) return std::unexpected(wrapping.error());
  const std::filesystem::path directory =
      options.keys ? std::filesystem::path(*options.keys) : config->keys.directory;
  SystemRandom random;
  const auto keys =
      gather_keys(*source->storage, *wrapping, directory, random, SystemClock().now());
  if (!keys) return std::unexpected(keys.error());
  for (const auto& warning : keys->warnings) say("warning: " + warning);
  const auto target = open_target(config->storage);
  if (!target) return std::unexpected(target.error());

  const auto copied =
      copy_tables(*source->storage, **target, keys->wrapped,
                  [&](const WrappedKeys& wrapped) { return check_unwrapping(*wrapping, wrapped); });
  if (!copied) return could_not("nothing was copied: " + copied.error().detail);
  Document rows = Document::array();
  for (const auto& table : *copied) {
    rows.push_back({{"table", table.name}, {"rows", table.rows}, {"sha256", table.sha256}});
  }
  print_rows(invocation, {"table", "rows", "sha256"}, rows);
  say_what_is_next(*source, *keys, directory);
  return {};
}

}  // namespace

void add_storage_commands(Tree& tree) {
  const std::string example =
      "grantd storage copy --from sqlite:/var/lib/grantd/grantd.db --keys /var/lib/grantd/keys";
  auto& group = tree.group("storage", "the database", example);
  const auto options = std::make_shared<CopyOptions>();
  auto command = tree.command(
      group, "copy",
      "move a SQLite database and its signing keys into an empty PostgreSQL, all verified", example,
      [options](const Invocation& invocation) { return copy(invocation, *options); });
  command
      .value("--from", "URL", options->from,
             "sqlite:PATH, on which no server runs; it is not changed")
      .required();
  command.value("--to", "URL", options->to,
                "postgresql://…, migrated and empty; else the configuration's storage.url");
  command.value("--keys", "DIR", options->keys,
                "the PEM files of the old installation; else the configuration's keys.directory");
}

}  // namespace grantd::cli
