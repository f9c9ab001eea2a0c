// A client for the event loops: without waiting there is the same answer as with it, or none.
#include <sys/vfs.h>

#include <atomic>

#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using sqlite::SqliteStorage;
using std::chrono::hours;

void expect_same(const ClientWithSecrets& at_once, const ClientWithSecrets& in_time) {
  const ClientRecord& found = at_once.client;
  const ClientRecord& expected = in_time.client;
  EXPECT_EQ(found.id, expected.id);
  EXPECT_EQ(found.name, expected.name);
  EXPECT_EQ(found.auth_method, expected.auth_method);
  EXPECT_EQ(found.scopes, expected.scopes);
  EXPECT_EQ(found.audiences, expected.audiences);
  EXPECT_EQ(found.default_audiences, expected.default_audiences);
  EXPECT_EQ(found.serves, expected.serves);
  EXPECT_EQ(found.token_lifetime, expected.token_lifetime);
  EXPECT_EQ(found.token_format, expected.token_format);
  EXPECT_EQ(found.claims, expected.claims);
  EXPECT_EQ(found.exchange, expected.exchange);
  EXPECT_EQ(found.enabled, expected.enabled);
  EXPECT_EQ(found.created_at, expected.created_at);
  EXPECT_EQ(found.updated_at, expected.updated_at);
  ASSERT_EQ(at_once.secrets.size(), in_time.secrets.size());
  for (std::size_t i = 0; i < in_time.secrets.size(); ++i) {
    const SecretRecord& secret = at_once.secrets[i];
    EXPECT_EQ(secret.secret_id, in_time.secrets[i].secret_id);
    EXPECT_EQ(secret.pepper_id, in_time.secrets[i].pepper_id);
    EXPECT_EQ(secret.digest, in_time.secrets[i].digest);
    EXPECT_EQ(secret.imported, in_time.secrets[i].imported);
    EXPECT_EQ(secret.created_at, in_time.secrets[i].created_at);
    EXPECT_EQ(secret.expires_at, in_time.secrets[i].expires_at);
  }
}

ClientRecord everything() {
  ClientRecord client;
  client.id = "everything at: once";
  client.name = "Zahlläufe 3:5:x";
  client.auth_method = AuthMethod::client_secret_post;
  for (int i = 0; i < 12; ++i) client.scopes.push_back("scope:" + std::to_string(11 - i));
  client.audiences = {"https://c", "https://a", "https://b"};
  client.default_audiences = {"https://b", "https://c"};
  client.serves = {"https://z", "https://y"};
  client.token_format = TokenFormat::opaque;
  client.claims = {{"tenant", "\"e\\u00fc ü\""}, {"a", R"([1,"d0:0:"])"}};
  client.exchange = {
      {"https://t", "https://s"}, {"s2", "s1"}, {"https://idp"}, 7, ExchangeMode::impersonation};
  client.created_at = test_time;
  client.updated_at = test_time + hours{1};
  return client;
}

class ClientAtOnceConformance : public StorageConformance {
 protected:
  void expect_the_same_or_nothing(std::string_view id) {
    const auto in_time = store->find_client(id);  // opens what is read at once, too
    const auto at_once = store->find_client_at_once(id);
    if (!at_once) return;
    ASSERT_EQ(at_once->has_value(), in_time.has_value());
    if (in_time) {
      expect_same(**at_once, *in_time);
    } else {
      EXPECT_EQ(at_once->error().code, StoreErrorCode::not_found);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, ClientAtOnceConformance, ::testing::ValuesIn(all_backends()),
                         backend_name);

TEST_P(ClientAtOnceConformance, IsWhatItIsInTimeAfterEachChange) {
  const std::string id = everything().id;
  expect_the_same_or_nothing(id);
  ASSERT_TRUE(store->create_client(everything(), secret_record(5), test_actor));
  expect_the_same_or_nothing(id);
  auto imported = secret_record(3);
  imported.imported = true;
  imported.expires_at = test_time + hours{2};
  imported.created_at = test_time + hours{1};
  ASSERT_TRUE(store->add_secret(id, imported, test_actor));
  expect_the_same_or_nothing(id);
  ASSERT_TRUE(store->record_secret_uses({{imported.secret_id, test_time + hours{3}}}));
  expect_the_same_or_nothing(id);
  ASSERT_TRUE(store->update_client(
      id,
      [](ClientRecord& client) {
        client.scopes = {"one"};
        client.claims.clear();
        client.exchange = {};
        client.default_audiences = client.audiences;
        client.token_lifetime = std::chrono::seconds{7};
      },
      test_time, test_actor));
  expect_the_same_or_nothing(id);
  ASSERT_TRUE(store->remove_secret(
      id, secret_record(5).secret_id,
      [](const ClientWithSecrets&) -> std::expected<void, std::string> { return {}; }, test_time,
      test_actor));
  expect_the_same_or_nothing(id);
  ASSERT_TRUE(store->disable_client({id, test_time, test_time + hours{1}}, test_actor));
  expect_the_same_or_nothing(id);
  ASSERT_TRUE(store->delete_client({id, test_time, test_time + hours{1}}, test_actor));
  expect_the_same_or_nothing(id);
}

class SqliteClientAtOnce : public ::testing::Test {
 protected:
  void SetUp() override {
    struct statfs found{};
    ASSERT_EQ(::statfs(database.directory().c_str(), &found), 0);
    constexpr decltype(found.f_type) tmpfs = 0x01021994;
    if (found.f_type == tmpfs) GTEST_SKIP() << "tmpfs does not read without waiting";
    ASSERT_TRUE(store->register_pepper({"pepper01", Digest{7}}, test_time));
    ASSERT_TRUE(store->create_client(everything(), secret(), test_actor));
  }

  static SecretRecord secret() {
    SecretRecord record;
    record.secret_id = "secret000001";
    record.pepper_id = "pepper01";
    record.digest.fill(0xab);
    record.created_at = test_time;
    return record;
  }

  SqliteDatabase database;
  std::unique_ptr<SqliteStorage> store{database.open_sqlite(SqliteStorage::Create::no)};
  const std::string id = everything().id;
};

TEST_F(SqliteClientAtOnce, IsThereOnceAConnectionIsOpen) {
  EXPECT_FALSE(store->find_client_at_once(id));
  ASSERT_TRUE(store->find_client(id));
  const auto found = store->find_client_at_once(id);
  ASSERT_TRUE(found);
  ASSERT_TRUE(*found);
  expect_same(**found, *store->find_client(id));
  const auto nobody = store->find_client_at_once("nobody");
  ASSERT_TRUE(nobody);
  EXPECT_EQ(nobody->error().code, StoreErrorCode::not_found);
}

TEST_F(SqliteClientAtOnce, SeesWhatAnybodyWritesPastOurStatements) {
  ASSERT_TRUE(store->find_client(id));
  for (const std::string sql :
       {"UPDATE client_scope SET scope = 'other' WHERE position = 3",
        "DELETE FROM client_scope WHERE position = 11",
        "INSERT INTO client_serves VALUES ('everything at: once', 2, 'https://w')",
        "UPDATE client_secret SET expires_at = 1900000000",
        "UPDATE client_audience SET default_position = 9 WHERE position = 1",
        "DELETE FROM client_claim", "DELETE FROM client_exchange WHERE kind = 'issuer'",
        "UPDATE client SET enabled = 0"}) {
    ASSERT_EQ(query_sqlite(database.path(), sql), "") << sql;
    const auto found = store->find_client_at_once(id);
    ASSERT_TRUE(found && *found) << sql;
    expect_same(**found, *store->find_client(id));
  }
}

TEST_F(SqliteClientAtOnce, IsLeftToTheTablesWhereItsDocumentMakesNoSense) {
  ASSERT_TRUE(store->find_client(id));
  for (const std::string document :
       {"s1:1:x", "s0:2:x", "s0:1x", "s0:", "?0:1:x", "p0:1:x", "d0:0:", "h:64:00",
        "k1:12:aaaaaaaaaaaah:2:zz", "s99999999999999999999:1:x", "s0:-1:x"}) {
    ASSERT_EQ(query_sqlite(database.path(), "UPDATE client SET document = '" + document + "'"), "");
    EXPECT_FALSE(store->find_client_at_once(id)) << document;
  }
  EXPECT_EQ(store->find_client(id)->client.scopes, everything().scopes);
}

TEST_F(SqliteClientAtOnce, IsNotThereWhileTheFileIsAway) {
  ASSERT_TRUE(store->find_client(id));
  std::filesystem::rename(database.path(), database.directory() / "away");
  EXPECT_FALSE(store->find_client_at_once(id));
  std::filesystem::rename(database.directory() / "away", database.path());
  EXPECT_TRUE(store->find_client_at_once(id));
}

TEST_F(SqliteClientAtOnce, IsAnsweredToSeveralLoopsOnceEachHadAConnection) {
  std::atomic<int> missed{0};
  for (int round = 0; round < 20; ++round) {
    missed = 0;
    std::vector<std::jthread> loops;
    for (int loop = 0; loop < 4; ++loop) {
      loops.emplace_back([&] {
        for (int i = 0; i < 200; ++i) {
          if (store->find_client_at_once(id)) continue;
          ++missed;
          EXPECT_TRUE(store->find_client(id));
        }
      });
    }
    loops.clear();
    if (missed < 8) break;
  }
  EXPECT_LT(missed, 8) << "connections are not opened where loops find none";
}

/// A database from before the migration: its clients are there at once, too.
TEST(SqliteClientDocument, IsMadeForClientsThatAreThereAlready) {
  constexpr int adds_document = 7;
  const TemporaryDirectory directory;
  const auto path = directory.path() / "grantd.db";
  const auto store = SqliteStorage::open({.path = path}, SqliteStorage::Create::yes);
  ASSERT_TRUE(store);
  const auto [before, from] = sqlite_migrations_around(adds_document);
  ASSERT_TRUE((*store)->apply(before, test_time));
  ASSERT_TRUE((*store)->register_pepper({"pepper01", Digest{7}}, test_time));
  SecretRecord secret;
  secret.secret_id = "secret000001";
  secret.pepper_id = "pepper01";
  ASSERT_TRUE((*store)->create_client(everything(), secret, test_actor));
  ASSERT_TRUE((*store)->apply(from, test_time));
  const auto document = query_sqlite(path, "SELECT document FROM client");
  EXPECT_TRUE(document.starts_with("s0:8:scope:11")) << document;
  EXPECT_EQ(query_sqlite(path, "SELECT document FROM client_document"), document);
}

}  // namespace
}  // namespace grantd::storage::conformance
