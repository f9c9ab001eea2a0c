// What it takes to move an installation of a million clients, each with a secret, and a million
// revocations into PostgreSQL: the real binary, the tests' own server, as a ratio to reading and
// digesting the same rows on the way out alone.
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "server/cli/table_copy.h"
#include "storage/sqlite/sqlite_storage.h"
#include "tests/support/installation.h"
#include "tests/support/sqlite_edit.h"
#include "tests/support/test_postgres.h"

namespace grantd::testing {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

/// Rows as the verbs would have written them, but all at once. Revocations carry seqs of their own.
void fill(const Installation& old) {
  const std::string numbers =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) ";
  const std::string id = "printf('client-%07d', i)";
  edit_sqlite(
      (old / "grantd.db").string(),
      "BEGIN;" + numbers +
          "INSERT INTO client (id, name, auth_method, enabled, created_at, updated_at) SELECT " +
          id + ", 'Client', 'client_secret_basic', 1, 1800000000, 1800000000 FROM n;" + numbers +
          "INSERT INTO client_scope SELECT " + id + ", 0, 'api:read' FROM n;" + numbers +
          "INSERT INTO client_audience SELECT " + id + ", 0, 'https://api.example.com', 0 FROM n;" +
          numbers +
          "INSERT INTO client_secret (secret_id, client_id, label, pepper_id, digest, imported,"
          " created_at) SELECT printf('s%011d', i), " +
          id + ", '', (SELECT id FROM pepper), randomblob(32), 0, 1800000000 FROM n;" + numbers +
          "INSERT INTO revocation SELECT lower(hex(randomblob(16))), 4102444800, i + 10 FROM n;"
          "UPDATE counter SET value = 2000000 WHERE name = 'change';"
          "COMMIT");
}

double read_and_digest(const std::filesystem::path& path) {
  /// Takes everything, and hands it back as it came: no database is reached.
  class Nowhere final : public storage::TableTarget {
   public:
    storage::StoreResult<void> fill_empty(
        const std::function<storage::StoreResult<void>(Filling&)>& fill) override {
      class Swallow final : public Filling {
       public:
        void put(const storage::Table&, storage::Row) override {}
        void read_back(const storage::Table&, const std::function<void(storage::Row)>&) override {}
      } swallow;
      return fill(swallow);
    }
  } nowhere;
  const auto source = storage::sqlite::SqliteStorage::open(
      {.path = path}, storage::sqlite::SqliteStorage::Create::no);
  const auto begun = Clock::now();
  // Refused in the end, since nothing arrived: everything was read and digested by then.
  static_cast<void>(cli::copy_tables(**source, nowhere, {}, [](const cli::WrappedKeys&) {
    return std::expected<void, std::string>{};
  }));
  return seconds_since(begun);
}

void bench() {
  const Installation old;
  old.create_client("first");  // the pepper comes with it
  fill(old);
  const TestDatabase database;
  const Installation node(Installation::Database::migrated, database.url());
  std::filesystem::copy_file(old / "pepper", node / "pepper",
                             std::filesystem::copy_options::overwrite_existing);
  const double reading = read_and_digest(old / "grantd.db");
  const auto begun = Clock::now();
  const auto result =
      node.run({"storage", "copy", "--from", "sqlite:" + (old / "grantd.db").string()});
  const double copying = seconds_since(begun);
  if (result.status != 0) throw std::runtime_error(result.err);
  std::printf("%s\n", result.out.c_str());
  std::printf("%-44s %8.1f s\n", "reading and digesting the SQLite file alone", reading);
  std::printf("%-44s %8.1f s  %6.1f times as long\n", "grantd storage copy, verified", copying,
              copying / reading);
}

}  // namespace
}  // namespace grantd::testing

int main() {
  grantd::testing::bench();
  return 0;
}
