// Clients looked up: in a SQLite file with its rows in the system's page cache, and in memory.
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/base/blocking_pool.h"
#include "server/clients/client_cache.h"
#include "storage/sqlite/sqlite_storage.h"
#include "tests/bench/pieces/pieces.h"
#include "tests/support/on_loop.h"
#include "tests/support/sqlite_edit.h"
#include "tests/support/temp_dir.h"

namespace grantd::pieces {
namespace {

namespace asio = boost::asio;

constexpr sys_seconds made_at{std::chrono::seconds{1'800'000'000}};
constexpr auto actor = "operator:bench";

std::string client_id(int number) {
  char text[32];
  std::snprintf(text, sizeof text, "client-%07d", number);
  return text;
}

/// Clients as the first one was registered: each with two scopes, an audience and a secret.
class ClientDatabase {
 public:
  explicit ClientDatabase(int clients) : clients_(clients) {
    make_first();
    // Durable transactions would take minutes; which columns there are does not matter here.
    copy_rows("client", "id = printf('client-%07d', rowid)");
    copy_rows("client_audience", "client_id = printf('client-%07d', rowid)");
    copy_rows("client_scope", "client_id = printf('client-%07d', (rowid + 1) / 2)");
    copy_rows("client_secret",
              "client_id = printf('client-%07d', rowid), secret_id = printf('%012d', rowid)");
    storage_ = open(storage::sqlite::SqliteStorage::Create::no);
  }

  [[nodiscard]] storage::ClientStore& store() const { return *storage_; }

  /// Ids of clients that are there, in no order that helps a cache.
  [[nodiscard]] std::vector<std::string> shuffled_ids(std::size_t count) const {
    std::vector<std::string> ids;
    std::uint64_t state = 1;
    while (ids.size() < count) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      ids.push_back(client_id(static_cast<int>((state >> 33U) % static_cast<unsigned>(clients_))));
    }
    return ids;
  }

 private:
  [[nodiscard]] std::unique_ptr<storage::sqlite::SqliteStorage> open(
      storage::sqlite::SqliteStorage::Create create) const {
    auto opened = storage::sqlite::SqliteStorage::open({.path = directory_ / "grantd.db"}, create);
    if (!opened) throw std::runtime_error(opened.error());
    return std::move(*opened);
  }

  void make_first() const {
    const auto storage = open(storage::sqlite::SqliteStorage::Create::yes);
    const auto migrations = storage->known_migrations();
    require(storage->apply({migrations.begin(), migrations.end()}, made_at).has_value(),
            "no migrations");
    require(storage->register_pepper({"pepper", {}}, made_at).has_value(), "no pepper");
    storage::ClientRecord client;
    client.id = client_id(0);
    client.scopes = {"profile:read", "profile:write"};
    client.audiences = {"https://profile.example.com"};
    client.default_audiences = client.audiences;
    storage::SecretRecord secret;
    secret.secret_id = "000000000000";
    secret.pepper_id = "pepper";
    require(storage->create_client(client, secret, actor).has_value(), "no client");
  }

  /// A copy of the first client's rows for every further one; `renamed`: its columns that differ.
  void copy_rows(const std::string& table, const std::string& renamed) const {
    if (clients_ < 2) return;
    testing::edit_sqlite(
        directory_ / "grantd.db",
        "BEGIN; CREATE TEMP TABLE copy AS WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL "
        "SELECT n + 1 FROM number WHERE n < " +
            std::to_string(clients_ - 1) + ") SELECT original.* FROM number, " + table +
            " AS original ORDER BY n; UPDATE copy SET " + renamed + "; INSERT INTO " + table +
            " SELECT * FROM copy; COMMIT;");
  }

  const int clients_;
  testing::TempDir directory_;
  std::unique_ptr<storage::sqlite::SqliteStorage> storage_;
};

/// Made once: a row's body runs several times until its figure stands.
const ClientDatabase& database_of(int clients) {
  static std::map<int, std::unique_ptr<ClientDatabase>> databases;
  auto& database = databases[clients];
  if (!database) database = std::make_unique<ClientDatabase>(clients);
  return *database;
}

constexpr std::size_t asked = 4096;

void find_stored(benchmark::State& state, int clients) {
  const auto& database = database_of(clients);
  const auto ids = database.shuffled_ids(asked);
  std::size_t next = 0;
  bool all = true;
  while (state.KeepRunning())
    all = all && database.store().find_client(ids[next++ % asked]).has_value();
  require(all, "a client was not found");
}

void miss_stored(benchmark::State& state) {
  const auto& database = database_of(10);
  bool any = false;
  while (state.KeepRunning()) any = any || database.store().find_client("nobody").has_value();
  require(!any, "nobody was found");
}

asio::awaitable<bool> find_repeatedly(benchmark::State& state, clients::ClientCache& cache,
                                      const std::vector<std::string>& ids) {
  bool all = true;
  for (const auto& id : ids) {
    const auto found = co_await cache.find(id);
    all = all && found.has_value();
  }
  std::size_t next = 0;
  while (state.KeepRunning()) {
    const auto found = co_await cache.find(ids[next++ % ids.size()]);
    all = all && found.has_value();
  }
  co_return all;
}

/// Hits alone: what is asked for was read before the clock starts.
void find_cached(benchmark::State& state, int clients, std::size_t different) {
  const auto& database = database_of(clients);
  const auto ids = database.shuffled_ids(different);
  BlockingPool pool(1, 1);
  clients::ClientCache cache(database.store(), pool, {});
  require(testing::on_loop(find_repeatedly(state, cache, ids)), "a client was not found");
}

void add_stored(const std::string& name, int clients) {
  add("find_client on SQLite, one of " + name,
      [clients](benchmark::State& state) { find_stored(state, clients); });
}

}  // namespace

void add_clients() {
  add_stored("10", 10);
  add_stored("100,000", 100'000);
  add("find_client on SQLite, nobody", miss_stored);
  add("client cache, a hit among 10", [](benchmark::State& state) { find_cached(state, 10, 10); });
  add("client cache, a hit among 20,000 asked for at random",
      [](benchmark::State& state) { find_cached(state, 100'000, 20'000); });
}

}  // namespace grantd::pieces
