#include <algorithm>
#include <memory>
#include <vector>

#include "server/base/files.h"
#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/output.h"
#include "storage/sqlite/sqlite_storage.h"

namespace grantd::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_key_file_bytes = std::size_t{64} * 1024;

/// The PEMs that may sign; those in `retired/` may not, and stay where they are.
Outcome<std::vector<fs::path>> key_files(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator each(directory, error), end; !error && each != end;
       each.increment(error)) {
    if (each->is_regular_file(error) && each->path().extension() == ".pem") {
      files.push_back(each->path());
    }
  }
  if (error) return could_not(directory.string() + ": cannot be read: " + error.message());
  std::ranges::sort(files);
  return files;
}

/// Those of a database with the private keys in it are in no file.
Outcome<std::vector<fs::path>> private_key_files(const config::Config::Keys& keys) {
  if (keys.store == config::KeyStoreKind::database) return std::vector<fs::path>{};
  return key_files(keys.directory);
}

std::expected<void, std::string> copy_database(const fs::path& from, const fs::path& to) {
  using storage::sqlite::SqliteStorage;
  const auto source = SqliteStorage::open({.path = from}, SqliteStorage::Create::no);
  if (!source) return std::unexpected(source.error());
  return (*source)->backup_to(to);
}

Outcome<void> copy_key(const fs::path& from, const fs::path& to) {
  const auto pem = read_secret_file(from, max_key_file_bytes);
  if (!pem) return std::unexpected(pem.error());
  const auto written = write_private_file(to, pem->view(), IfExists::refuse);
  if (!written) return could_not(written.error());
  return {};
}

Outcome<void> backup(const Invocation& invocation, const fs::path& directory) {
  std::error_code error;
  if (fs::exists(directory, error) && !fs::is_empty(directory, error)) {
    return could_not(directory.string() + " is not empty; expected a new or an empty directory");
  }
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto& config = context->config;
  if (config.storage.backend != config::StorageBackend::sqlite) {
    return could_not(
        "storage.url is not SQLite: PostgreSQL is backed up by its own tools (pg_dump, or "
        "pg_basebackup with its archive); keep keys.wrapping_key_file and the pepper apart from "
        "it");
  }
  const auto keys = private_key_files(config.keys);
  if (!keys) return std::unexpected(keys.error());
  for (const auto& each : {directory, directory / "keys"}) {
    if (auto made = make_private_directory(each); !made) return could_not(made.error());
  }
  // Keys first: a key that is published meanwhile is then in neither, or in the database alone,
  // whose public half is enough to verify its tokens.
  for (const auto& key : *keys) {
    if (auto copied = copy_key(key, directory / "keys" / key.filename()); !copied) return copied;
  }
  const auto database = directory / config.storage.sqlite_path.filename();
  if (const auto copied = copy_database(config.storage.sqlite_path, database); !copied) {
    return could_not(copied.error());
  }
  print(invocation, {{"database", database.string()}, {"keys", keys->size()}});
  say("the pepper (" + config.storage.pepper_file.string() +
      ") is not in this backup: keep a copy of it apart, the secrets cannot be checked without it");
  return {};
}

}  // namespace

void add_backup_command(Tree& tree) {
  const auto directory = std::make_shared<std::string>();
  tree.command("backup", "copy the live database and the keys; the pepper is to be kept apart",
               "grantd backup /var/backups/grantd/monday",
               [directory](const Invocation& invocation) { return backup(invocation, *directory); })
      .argument("DIR", *directory, "a new or an empty directory");
}

}  // namespace grantd::cli
