/// What each backend brings to the conformance suite, and the records that its tests store.
///
/// A test gets a fresh, migrated database. open() may be called several times: each Storage stands
/// for a process of its own (a server, a command) on that same database.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "config/storage_url.h"
#include "storage/postgres/postgres_storage.h"
#include "storage/sqlite/sqlite_storage.h"
#include "storage/stores.h"
#include "tests/support/test_postgres.h"

namespace grantd::storage::conformance {

inline constexpr sys_seconds test_time{std::chrono::seconds{1'800'000'000}};
inline constexpr std::string_view test_actor = "operator:ada";

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "grantd-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class Database {
 public:
  virtual ~Database() = default;
  /// Another process's view of the same database.
  [[nodiscard]] virtual std::unique_ptr<Storage> open() = 0;
  /// What the backend's own check of its files says; "ok" where all is well.
  [[nodiscard]] virtual std::string integrity() = 0;
};

/// The first column of the first row, read past the storage under test.
inline std::string query_sqlite(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  std::string answer = "cannot be opened";
  if (sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
    answer.clear();
    char* message = nullptr;
    const auto keep_first = [](void* out, int, char** values, char**) {
      auto& text = *static_cast<std::string*>(out);
      if (text.empty() && values[0] != nullptr) text = values[0];
      return 0;
    };
    if (sqlite3_exec(handle, sql.c_str(), keep_first, &answer, &message) != SQLITE_OK) {
      answer = message;
    }
    sqlite3_free(message);
  }
  sqlite3_close(handle);
  return answer;
}

/// SQLite's migrations before `number`, and from it on.
inline std::pair<std::vector<Migration>, std::vector<Migration>> sqlite_migrations_around(
    int number) {
  std::pair<std::vector<Migration>, std::vector<Migration>> parts;
  for (const auto& each : sqlite_migrations()) {
    (each.number < number ? parts.first : parts.second).push_back(each);
  }
  return parts;
}

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase() {
    const auto storage = open_sqlite(sqlite::SqliteStorage::Create::yes);
    const auto migrations = sqlite_migrations();
    if (!storage->apply({migrations.begin(), migrations.end()}, test_time)) {
      throw std::runtime_error("the migrations failed");
    }
  }

  [[nodiscard]] std::unique_ptr<Storage> open() override {
    return open_sqlite(sqlite::SqliteStorage::Create::no);
  }

  [[nodiscard]] std::string integrity() override {
    return query_sqlite(path(), "PRAGMA integrity_check") +
           query_sqlite(path(), "PRAGMA foreign_key_check");
  }

  [[nodiscard]] std::unique_ptr<sqlite::SqliteStorage> open_sqlite(
      sqlite::SqliteStorage::Create create) const {
    auto storage = sqlite::SqliteStorage::open({.path = path()}, create);
    if (!storage) throw std::runtime_error(storage.error());
    return std::move(*storage);
  }

  [[nodiscard]] std::filesystem::path path() const { return directory_.path() / "grantd.db"; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

class PostgresDatabase final : public Database {
 public:
  PostgresDatabase() {
    const auto migrations = postgres_migrations();
    const auto applied = open()->apply({migrations.begin(), migrations.end()}, test_time);
    if (!applied) throw std::runtime_error(applied.error().detail);
  }

  [[nodiscard]] std::unique_ptr<Storage> open() override {
    auto parameters = config::parse_postgres_url(database_.url());
    if (!parameters) throw std::runtime_error(parameters.error());
    auto storage = postgres::open({.parameters = std::move(*parameters)});
    if (!storage) throw std::runtime_error(storage.error());
    return std::move(*storage);
  }

  /// That the numbers of changes and entries fit together, and that nobody left a transaction open.
  [[nodiscard]] std::string integrity() override {
    return query(
        "SELECT coalesce(string_agg(fault, ', '), 'ok') FROM ("
        " SELECT 'the counter is not at the newest change' AS fault FROM counter"
        " WHERE name = 'change' AND value <> (SELECT coalesce(max(seq), 0) FROM change)"
        " UNION ALL SELECT 'the changes have a hole' FROM change"
        " HAVING max(seq) - min(seq) + 1 <> count(*)"
        " UNION ALL SELECT 'revocation ' || jti || ' bears the seq of another change'"
        " FROM revocation JOIN change USING (seq) WHERE kind <> 'token_revoked' OR id <> jti"
        " UNION ALL SELECT 'not-before ' || client_id || ' bears the seq of another change'"
        " FROM not_before JOIN change USING (seq) WHERE id <> client_id OR kind NOT IN"
        " ('client_disabled', 'client_deleted', 'client_revoked', 'all_revoked')"
        " UNION ALL SELECT 'an entry is newer than every change' FROM ("
        " SELECT seq FROM revocation UNION ALL SELECT seq FROM not_before"
        " UNION ALL SELECT compromised_seq FROM signing_key) AS entries"
        " WHERE seq > (SELECT value FROM counter WHERE name = 'change')"
        " UNION ALL SELECT 'a transaction was left open: ' || query FROM pg_stat_activity"
        " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        ") AS faults");
  }

  [[nodiscard]] const std::string& url() const { return database_.url(); }
  /// The last result, read past the storage under test.
  std::string query(const std::string& sql) const {
    return grantd::testing::query(database_.url(), sql);
  }

 private:
  grantd::testing::TestDatabase database_;
};

struct BackendFactory {
  std::string name{};
  std::unique_ptr<Database> (*make)(){nullptr};
};

inline std::vector<BackendFactory> all_backends() {
  return {
      {"Sqlite", []() -> std::unique_ptr<Database> { return std::make_unique<SqliteDatabase>(); }},
      {"Postgres",
       []() -> std::unique_ptr<Database> { return std::make_unique<PostgresDatabase>(); }}};
}

/// The fixture of every suite that each backend must pass.
class StorageConformance : public ::testing::TestWithParam<BackendFactory> {
 protected:
  static constexpr std::string_view pepper_id = "pepper01";

  void SetUp() override {
    database = GetParam().make();
    store = database->open();
    ASSERT_TRUE(store->register_pepper({std::string(pepper_id), Digest{7}}, test_time));
  }

  void TearDown() override { EXPECT_EQ(database->integrity(), "ok"); }

  static ClientRecord client_record(std::string id) {
    ClientRecord client;
    client.id = std::move(id);
    client.name = "Billing";
    client.scopes = {"invoice:write", "invoice:read"};
    client.audiences = {"https://b.example", "https://a.example", "https://c.example"};
    client.default_audiences = {"https://c.example", "https://b.example"};
    client.serves = {"https://billing.example"};
    client.token_lifetime = std::chrono::seconds{120};
    client.created_at = test_time;
    client.updated_at = test_time;
    return client;
  }

  /// `number` makes the id: "secret000007".
  static SecretRecord secret_record(int number) {
    SecretRecord secret;
    const std::string digits = std::to_string(number);
    secret.secret_id = "secret" + std::string(6 - digits.size(), '0') + digits;
    secret.label = "first";
    secret.pepper_id = pepper_id;
    secret.digest.fill(static_cast<std::uint8_t>(number));
    secret.created_at = test_time;
    return secret;
  }

  /// As an operator brings it: of these any number may wait.
  static KeyRecord key_record(char letter) {
    KeyRecord key;
    key.kid = std::string(43, letter);
    key.public_jwk = R"({"kty":"RSA"})";
    key.origin = KeyOrigin::operator_brought;
    key.published_at = test_time;
    key.signs_from = test_time + std::chrono::minutes{15};
    key.max_lifetime = std::chrono::hours{1};
    return key;
  }

  void create_client(const std::string& id, int secret_number) {
    const auto created =
        store->create_client(client_record(id), secret_record(secret_number), test_actor);
    ASSERT_TRUE(created) << created.error().detail;
  }

  /// `work` on `count` threads that begin together, each with a view of its own of the database:
  /// processes that meet.
  void in_processes(int count, const std::function<void(int, Storage&)>& work) {
    std::latch all_are_there(count);
    std::vector<std::jthread> threads;
    threads.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        const auto mine = database->open();
        all_are_there.arrive_and_wait();
        work(i, *mine);
      });
    }
  }

  [[nodiscard]] std::vector<Change> changes_after(std::int64_t seq) {
    const auto page = store->changes_after(seq, 100'000);
    if (!page) throw std::runtime_error(page.error().detail);
    return page->changes;
  }

  std::unique_ptr<Database> database;
  std::unique_ptr<Storage> store;
};

inline std::string backend_name(const ::testing::TestParamInfo<BackendFactory>& info) {
  return info.param.name;
}

}  // namespace grantd::storage::conformance
