// Which clients are kept in memory, on a real SQLite file.
#include "server/clients/client_cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/sqlite/sqlite_storage.h"
#include "tests/support/on_loop.h"
#include "tests/support/temp_dir.h"

namespace grantd::clients {
namespace {

using storage::sqlite::SqliteStorage;

constexpr sys_seconds now{std::chrono::seconds{1'800'000'000}};
constexpr std::size_t many = 200;  // so that each of the 16 shards gets some
constexpr std::size_t one_a_shard = 16;

std::string id_of(std::size_t i) { return "client-" + std::to_string(i); }

class CachedClients : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(database->apply(
        std::vector(database->known_migrations().begin(), database->known_migrations().end()),
        now));
    ASSERT_TRUE(database->register_pepper({"pepper", {}}, now));
    for (std::size_t i = 0; i < many; ++i) {
      storage::ClientRecord client;
      client.id = id_of(i);
      storage::SecretRecord secret;
      secret.secret_id = "s" + std::to_string(10'000'000'000 + i);
      secret.pepper_id = "pepper";
      ASSERT_TRUE(database->create_client(client, secret, "operator:o"));
    }
  }
  void TearDown() override { pool.join(); }

  [[nodiscard]] ClientPtr find(std::size_t i) {
    return testing::on_loop(cache.find(id_of(i))).value();
  }

  testing::TempDir directory;
  std::unique_ptr<SqliteStorage> database =
      SqliteStorage::open({.path = directory / "grantd.db"}, SqliteStorage::Create::yes).value();
  BlockingPool pool{1, 16};
  ClientCache cache{*database, pool, {}, one_a_shard};
};

TEST_F(CachedClients, AreThoseThatWereAskedForLast) {
  for (std::size_t i = 0; i < many; ++i) static_cast<void>(find(i));
  const auto again = find(many - 1);
  EXPECT_EQ(find(many - 1), again);
}

TEST_F(CachedClients, AreReadAnewOnceTheyWereDropped) {
  const auto before = find(0);
  cache.drop(id_of(0));
  EXPECT_NE(find(0), before);
}

}  // namespace
}  // namespace grantd::clients
