/// What is particular to PostgreSQL: the rules that its schema holds by itself, what a failover
/// that lost changes looks like, and migrations that several processes apply.
#include <set>

#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

/// The suite's helpers on PostgreSQL alone.
class PostgresSchema : public StorageConformance {
 protected:
  [[nodiscard]] PostgresDatabase& postgres() { return dynamic_cast<PostgresDatabase&>(*database); }

  /// What the server says to a statement that must fail.
  std::string refusal(const std::string& sql) {
    try {
      postgres().query(sql);
      return "it took it";
    } catch (const std::runtime_error& refused) {
      return refused.what();
    }
  }

  /// What each of `count` processes got that all put a key of their own, whatever was there.
  std::multiset<std::string> race(int count, const KeyRecord& pattern) {
    std::mutex mutex;
    std::multiset<std::string> outcomes;
    in_processes(count, [&](int number, Storage& mine) {
      KeyRecord key = pattern;
      key.kid.assign(key.kid.size(), static_cast<char>('a' + number));
      const auto put = mine.update_keys(
          [&](const std::vector<KeyRecord>&) -> std::expected<KeyStore::Update, std::string> {
            return KeyStore::Update{{key}, {{ChangeKind::key_published, key.kid}}};
          },
          test_time, "server");
      const std::lock_guard lock(mutex);
      outcomes.insert(put                                               ? "won"
                      : put.error().code == StoreErrorCode::exists      ? "exists"
                      : put.error().code == StoreErrorCode::unavailable ? "unavailable"
                                                                        : "another");
    });
    return outcomes;
  }

  void revoke(const std::string& jti) {
    ASSERT_TRUE(store->revoke({jti, test_time + hours{1}}, test_time, test_actor));
  }

  /// As if another primary, which had never seen the newest row, had written this one instead.
  void replace_newest_change() {
    postgres().query(
        "WITH lost AS (DELETE FROM change WHERE seq = (SELECT max(seq) FROM change) RETURNING *)"
        " INSERT INTO change (seq, kind, id, at, actor) SELECT seq, kind, id, at, actor FROM lost");
  }
};
INSTANTIATE_TEST_SUITE_P(Postgres, PostgresSchema,
                         ::testing::Values(BackendFactory{
                             "", []() -> std::unique_ptr<Database> {
                               return std::make_unique<PostgresDatabase>();
                             }}));

TEST_P(PostgresSchema, OfSeveralNodesThatPublishAStandbyAtOnceOneWins) {
  KeyRecord standby = key_record('x');
  standby.origin = KeyOrigin::standby;
  EXPECT_EQ(race(4, standby), (std::multiset<std::string>{"exists", "exists", "exists", "won"}));
  EXPECT_EQ(store->load_keys()->size(), 1U);
  EXPECT_EQ(store->newest_change(), 1);
}

TEST_P(PostgresSchema, OfSeveralNodesThatLetAKeySignAtOnceOneWins) {
  KeyRecord signing = key_record('x');
  signing.signing_since = test_time;
  EXPECT_EQ(race(4, signing), (std::multiset<std::string>{"exists", "exists", "exists", "won"}));
}

TEST_P(PostgresSchema, OfKeysThatOperatorsBroughtAnyNumberMayWait) {
  EXPECT_EQ(race(3, key_record('x')), (std::multiset<std::string>{"won", "won", "won"}));
}

TEST_P(PostgresSchema, KeysThatWereRetiredOrCompromisedAreInNobodysWay) {
  KeyRecord gone = key_record('x');
  gone.origin = KeyOrigin::standby;
  gone.compromised = true;
  EXPECT_EQ(race(3, gone), (std::multiset<std::string>{"won", "won", "won"}));
  gone.compromised = false;
  gone.signing_since = test_time;
  gone.retires_at = test_time;
  EXPECT_EQ(race(3, gone), (std::multiset<std::string>{"won", "won", "won"}));
}

TEST_P(PostgresSchema, RefusesByItselfWhatNoVerbWrites) {
  create_client("billing", 0);
  for (int i = 1; i < static_cast<int>(max_secrets_per_client); ++i) {
    ASSERT_TRUE(store->add_secret("billing", secret_record(i), test_actor));
  }
  const std::string key = "INSERT INTO signing_key VALUES (repeat('k', 43), '{}', ";
  for (const auto& [sql, says] : std::vector<std::pair<std::string, std::string>>{
           {"INSERT INTO client_secret SELECT 'secret000011', client_id, 11, label, pepper_id,"
            " digest, imported, created_at FROM client_secret LIMIT 1",
            "client_secret_place_check"},
           {"UPDATE client_secret SET place = 1", "client_secret_client_id_place_key"},
           {"UPDATE client_secret SET digest = 'short'", "client_secret_digest_check"},
           {"UPDATE client_secret SET client_id = 'nobody'", "client_secret_client_id_fkey"},
           {"DELETE FROM pepper", "client_secret_pepper_id_fkey"},
           {"UPDATE client SET enabled = 2", "client_enabled_check"},
           {"UPDATE client SET auth_method = 'none'", "client_auth_method_check"},
           // In octets: the server's own length() would take 200 characters of two each.
           {"UPDATE client SET id = repeat('ä', 200)", "client_id_check"},
           {"UPDATE client_scope SET scope = 's'", "client_scope_client_id_scope_key"},
           {"INSERT INTO revocation VALUES ('a', 0, 7), ('b', 0, 7)", "revocation_seq_key"},
           {"INSERT INTO revocation VALUES ('a', 0, 0)", "revocation_seq_check"},
           {key + "'server', 0, 0, NULL, NULL, NULL, NULL, 1, 0)", "signing_key_origin_check"},
           {key + "'standby', 0, 0, NULL, NULL, NULL, 1, 1, 0)", "signing_key_check"},
           {"INSERT INTO wrapped_key VALUES (repeat('k', 43), 'l', 'o')", "wrapped_key_kid_fkey"},
           {"INSERT INTO status_list VALUES (1, 0, 10, 11)", "status_list_check"},
           {"INSERT INTO reference_token VALUES ('short', 't', '{}', 0)",
            "reference_token_digest_check"}}) {
    const auto answer = refusal(sql);
    EXPECT_NE(answer.find(says), std::string::npos) << sql << "\n" << answer;
  }
}

TEST_P(PostgresSchema, TextIsOrderedByItsOctetsWhateverTheServersLocale) {
  for (int number = 1; const char* id : {"b", "B", "a", "\xC3\xA4", "_"}) {
    create_client(id, number++);
  }
  const auto listed = store->list_clients();
  ASSERT_TRUE(listed) << listed.error().detail;
  std::vector<std::string> ids;
  for (const auto& client : *listed) ids.push_back(client.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"B", "_", "a", "b", "\xC3\xA4"}));
}

TEST_P(PostgresSchema, AFailoverThatLostTheLastChangeIsToldAsAGapOnce) {
  revoke("a");
  revoke("b");
  ASSERT_EQ(store->changes_after(0, 10)->changes.size(), 2U);
  EXPECT_FALSE(store->changes_after(2, 10)->gap);
  replace_newest_change();
  const auto elsewhere = *store->newest_change();  // whoever asks meanwhile takes nothing from it
  EXPECT_EQ(elsewhere, 2);
  EXPECT_TRUE(store->changes_after(2, 10)->gap);
  EXPECT_FALSE(store->changes_after(2, 10)->gap);
  // The reader then loads everything anew, and begins where that says.
  const auto newest = *store->newest_change();
  EXPECT_FALSE(store->changes_after(newest, 10)->gap);
  revoke("c");
  EXPECT_FALSE(store->changes_after(newest, 10)->gap);
}

TEST_P(PostgresSchema, AReaderThatHasOnlyBegunIsToldOfAFailoverThatLostAChange) {
  revoke("a");
  const auto begun = *store->newest_change();
  replace_newest_change();
  revoke("b");
  const auto page = *store->changes_after(begun, 10);
  EXPECT_TRUE(page.gap);
  EXPECT_EQ(page.changes.size(), 1U);
}

TEST_P(PostgresSchema, AChangeOfANewerGrantdIsToldAsAGap) {
  revoke("a");
  postgres().query(
      "INSERT INTO change (seq, kind, id, at, actor) VALUES (2, 'key_polished', 'k', 0, 'server')");
  postgres().query("UPDATE counter SET value = 2 WHERE name = 'change'");
  const auto page = *store->changes_after(0, 10);
  EXPECT_TRUE(page.gap);
  EXPECT_EQ(page.changes.size(), 1U);
}

TEST_P(PostgresSchema, ManyRevocationsAreLoadedEachOnce) {
  constexpr int entries = 10'000;
  postgres().query(
      "INSERT INTO revocation SELECT 'j' || n, 1900000000, n FROM generate_series(1, " +
      std::to_string(entries) + ") AS numbers (n)");
  postgres().query("INSERT INTO change SELECT seq, 'token_revoked', jti, 0, 'x' FROM revocation");
  postgres().query("UPDATE counter SET value = " + std::to_string(entries) +
                   " WHERE name = 'change'");
  std::set<std::string> loaded;
  std::size_t calls = 0;
  ASSERT_TRUE(store->load_revocations(test_time, [&](const Revocation& revocation) {
    loaded.insert(revocation.jti);
    ++calls;
  }));
  EXPECT_EQ(calls, static_cast<std::size_t>(entries));
  EXPECT_EQ(loaded.size(), calls);
}

TEST_P(PostgresSchema, TheClockIsTheDatabasesOwn) {
  const auto before = std::chrono::system_clock::now();
  const auto clock = store->clock();
  ASSERT_TRUE(clock && *clock);
  EXPECT_GE(**clock, before - std::chrono::milliseconds{1});
  EXPECT_LE(**clock, std::chrono::system_clock::now() + std::chrono::milliseconds{1});
}

TEST(PostgresMigrations, AreAppliedOnceByHoweverManyProcesses) {
  const grantd::testing::TestDatabase database;
  const auto open = [&] {
    auto storage =
        postgres::open({.parameters = config::parse_postgres_url(database.url()).value()});
    if (!storage) throw std::runtime_error(storage.error());
    return std::move(*storage);
  };
  EXPECT_TRUE(open()->applied_migrations()->empty());
  const auto known = open()->known_migrations();
  std::vector<std::jthread> processes;
  processes.reserve(4);
  for (int t = 0; t < 4; ++t) {
    processes.emplace_back([&] {
      const auto applied = open()->apply({known.begin(), known.end()}, test_time);
      EXPECT_TRUE(applied) << applied.error().detail;
    });
  }
  processes.clear();
  const auto applied = open()->applied_migrations();
  ASSERT_TRUE(applied) << applied.error().detail;
  ASSERT_EQ(applied->size(), known.size());
  EXPECT_EQ(applied->front().checksum, known.front().checksum);
  EXPECT_TRUE(plan_migrations(known, *applied)->empty());
}

TEST_P(PostgresSchema, AMigrationThatFailsLeavesNoTrace) {
  const Migration broken{.number = 9000,
                         .name = "9000_broken",
                         .sql = "CREATE TABLE half (a BIGINT); CREATE TABLE half (a BIGINT);",
                         .checksum = "c",
                         .compatible_from = 1};
  EXPECT_FALSE(store->apply({broken}, test_time));
  EXPECT_EQ(store->applied_migrations()->size(), postgres_migrations().size());
  EXPECT_EQ(postgres().query("SELECT to_regclass('half') IS NULL"), "t");
}

}  // namespace
}  // namespace grantd::storage::conformance
