// Whole tables moved from SQLite to PostgreSQL: that none is forgotten, and that all of it means
// the same to the stores afterwards.
#include <algorithm>
#include <atomic>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "server/cli/table_copy.h"
#include "storage/postgres/table_target.h"
#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using namespace std::chrono_literals;
using cli::CopiedTable;
using cli::copy_tables;

/// "table.column type".
using Columns = std::set<std::string>;

std::string_view name(ColumnType type) {
  switch (type) {
    case ColumnType::integer:
      return "integer";
    case ColumnType::text:
      return "text";
    case ColumnType::octets:
      return "octets";
  }
  std::unreachable();
}

Columns listed_columns() {
  Columns columns;
  for (const Table& table : copied_tables()) {
    for (const Column& column : table.columns) {
      columns.insert(std::string(table.name) + "." + std::string(column.name) + " " +
                     std::string(name(column.type)));
    }
  }
  return columns;
}

Columns lines_of(const std::string& text) {
  Columns lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.insert(line);
  return lines;
}

std::unique_ptr<TableTarget> target_of(const std::string& url) {
  auto parameters = config::parse_postgres_url(url);
  if (!parameters) throw std::runtime_error(parameters.error());
  auto target = postgres::open_table_target({.parameters = std::move(*parameters)});
  if (!target) throw std::runtime_error(target.error());
  return std::move(*target);
}

std::expected<void, std::string> no_objection(const cli::WrappedKeys&) { return {}; }

// --- the list -------------------------------------------------------------------------------

TEST(CopiedTables, AreAllThatTheMigrationsOfSqliteMake) {
  const SqliteDatabase database;
  const auto found = query_sqlite(
      database.path(),
      "SELECT group_concat(t.name || '.' || c.name || ' ' || CASE c.type WHEN 'INTEGER' THEN"
      " 'integer' WHEN 'TEXT' THEN 'text' WHEN 'BLOB' THEN 'octets' ELSE c.type END, char(10))"
      " FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c"
      " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name <> 'schema_migration'");
  auto columns = lines_of(found);
  EXPECT_EQ(columns.erase("client.document text"), 1U);  // derived from the others
  EXPECT_EQ(columns, listed_columns());
}

TEST(CopiedTables, AreAllThatTheMigrationsOfPostgresMake) {
  const PostgresDatabase database;
  auto found = lines_of(database.query(
      "SELECT table_name || '.' || column_name || ' ' || CASE data_type WHEN 'bigint' THEN"
      " 'integer' WHEN 'smallint' THEN 'integer' WHEN 'bytea' THEN 'octets' ELSE data_type END"
      " FROM information_schema.columns"
      " WHERE table_schema = 'public' AND table_name <> 'schema_migration'"));
  // Its own affair, made while the rows come in.
  EXPECT_EQ(found.erase("change.nonce uuid"), 1U);
  EXPECT_EQ(found.erase("client_secret.place integer"), 1U);
  EXPECT_EQ(found, listed_columns());
}

TEST(CopiedTables, StandBehindWhatTheyReferTo) {
  std::vector<std::string_view> names;
  for (const Table& table : copied_tables()) names.push_back(table.name);
  const auto at = [&](std::string_view table) { return std::ranges::find(names, table); };
  for (const auto& [table, refers_to] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"client_scope", "client"},
                                                                  {"client_audience", "client"},
                                                                  {"client_serves", "client"},
                                                                  {"client_exchange", "client"},
                                                                  {"client_claim", "client"},
                                                                  {"client_secret", "client"},
                                                                  {"client_secret", "pepper"},
                                                                  {"wrapped_key", "signing_key"}}) {
    EXPECT_LT(at(refers_to), at(table)) << table;
  }
}

// --- the canonical form ---------------------------------------------------------------------

TEST(CanonicalRow, TellsApartWhatDiffersInAnyCell) {
  static const Table table{"t", {{"a", ColumnType::text}, {"b", ColumnType::text}}, 1, ""};
  static const Table octets{"t", {{"a", ColumnType::octets}, {"b", ColumnType::text}}, 1, ""};
  const auto form = [](const Table& of, std::vector<Cell> row) {
    std::string text;
    append_canonical(text, of, row);
    return text;
  };
  std::set<std::string> forms;
  forms.insert(form(table, {std::string_view("ab"), std::string_view("c")}));
  forms.insert(form(table, {std::string_view("a"), std::string_view("bc")}));
  forms.insert(form(table, {std::string_view(""), std::string_view("abc")}));
  forms.insert(form(table, {Cell{}, std::string_view("abc")}));
  forms.insert(form(table, {std::string_view("abc"), Cell{}}));
  forms.insert(form(table, {std::int64_t{0}, std::string_view("c")}));
  forms.insert(form(table, {std::int64_t{-1}, std::string_view("c")}));
  forms.insert(form(octets, {std::string_view("ab"), std::string_view("c")}));
  EXPECT_EQ(forms.size(), 8U);
}

TEST(CanonicalRow, HasKindThenEightOctetsThenContent) {
  static const Table table{
      "t", {{"a", ColumnType::integer}, {"b", ColumnType::text}, {"c", ColumnType::octets}}, 1, ""};
  std::string text;
  const std::vector<Cell> row{std::int64_t{258}, std::string_view("x"), Cell{}};
  append_canonical(text, table, row);
  EXPECT_EQ(text, std::string("i\0\0\0\0\0\0\1\2t\0\0\0\0\0\0\0\1xn", 20));
}

// --- moving ---------------------------------------------------------------------------------

class TableCopy : public StorageConformance {
 protected:
  // By no parameter: this is the one direction there is.
  void SetUp() override {
    store = sqlite.open();
    ASSERT_TRUE(store->register_pepper({std::string(pepper_id), Digest{7}}, test_time));
  }
  void TearDown() override { EXPECT_EQ(postgres.integrity(), "ok"); }

  StoreResult<std::vector<CopiedTable>> copy(const cli::WrappedKeys& added = {}) {
    const auto source = sqlite.open_sqlite(sqlite::SqliteStorage::Create::no);
    const auto target = target_of(postgres.url());
    return copy_tables(*source, *target, added, no_objection);
  }

  /// Something in every table, with all that a text and octets may hold.
  void fill_every_table() {
    create_client("billing", 1);
    ClientRecord odd = client_record("Ä \\ \" , {NULL}");
    odd.name = "a\tb\n\x7f, \"quoted\" \\x41 {} NULL 'one' \xf0\x9f\x94\x91";
    odd.token_lifetime.reset();
    odd.token_format = TokenFormat::opaque;
    odd.claims = {{"empty", "\"\""}, {"tenant", R"({"a":["\\"]})"}};
    odd.exchange = {.audiences = {"https://x.example"},
                    .scopes = {"a", "b"},
                    .issuers = {"https://idp.example"},
                    .max_depth = 5,
                    .mode = ExchangeMode::impersonation};
    SecretRecord secret = secret_record(2);
    secret.label = "";
    secret.imported = true;
    secret.expires_at = test_time + 24h;
    secret.digest = Digest{0, 1, '\\', '"', 0xff};
    ASSERT_TRUE(store->create_client(odd, secret, test_actor));
    for (int number = 3; number < 12; ++number) {
      ASSERT_TRUE(store->add_secret("billing", secret_record(number), test_actor));
    }
    ASSERT_TRUE(store->record_secret_uses({{"secret000001", test_time + 5s}}));
    for (const std::string jti : {"b", "a", "c"}) {
      ASSERT_TRUE(store->revoke({jti, test_time + 1h}, test_time, "client:billing"));
    }
    ASSERT_TRUE(store->revoke({"a", test_time + 2h}, test_time, "server"));
    ASSERT_TRUE(store->set_not_before({"", test_time, test_time + 1h}, test_actor));
    ASSERT_TRUE(store->disable_client({"billing", test_time, test_time + 1h}, test_actor));
    put_keys();
    ASSERT_TRUE(store->reserve_status_block(test_time + 1h, 100, 7));
    ASSERT_TRUE(store->put_reference_tokens(std::vector<ReferenceToken>{
        {Digest{9}, "at+jwt", R"({"sub":"billing"})", test_time + 1h}}));
  }

  void put_keys() {
    KeyRecord signing = key_record('a');
    signing.signing_since = test_time;
    KeyRecord leaked = key_record('b');
    leaked.compromised = true;
    const auto put = store->update_keys(
        [&](const std::vector<KeyRecord>&) -> std::expected<KeyStore::Update, std::string> {
          KeyStore::Update update;
          update.put = {signing, leaked};
          update.changes = {{ChangeKind::key_signing, signing.kid},
                            {ChangeKind::key_compromised, leaked.kid}};
          update.wrap = {{signing.kid, "line1", std::string("\0\1\\\"\xff", 5)}};
          return update;
        },
        test_time, "server");
    ASSERT_TRUE(put) << put.error().detail;
  }

  SqliteDatabase sqlite;
  PostgresDatabase postgres;
};

TEST_F(TableCopy, AnEmptyDatabaseGivesItsCounters) {
  const auto copied = copy();
  ASSERT_TRUE(copied) << copied.error().detail;
  ASSERT_EQ(copied->size(), copied_tables().size());
  EXPECT_EQ(copied->front().name, "counter");
  EXPECT_EQ(copied->front().rows, 2U);
}

TEST_F(TableCopy, EveryTableArrivesWithAllItsRows) {
  fill_every_table();
  const auto copied = copy();
  ASSERT_TRUE(copied) << copied.error().detail;
  for (const CopiedTable& table : *copied) {
    EXPECT_GT(table.rows, 0U) << table.name << ": nothing in here tests it";
    EXPECT_EQ(table.sha256.size(), 64U);
    EXPECT_EQ(postgres.query("SELECT count(*) FROM " + table.name), std::to_string(table.rows));
  }
}

TEST_F(TableCopy, TheStoresReadTheSameAsBefore) {
  fill_every_table();
  ASSERT_TRUE(copy());
  const auto moved = postgres.open();
  EXPECT_EQ(moved->load_keys().value(), store->load_keys().value());
  EXPECT_EQ(moved->load_wrapped_keys().value(), store->load_wrapped_keys().value());
  EXPECT_EQ(moved->newest_change().value(), store->newest_change().value());
  EXPECT_EQ(moved->live_status_lists(test_time).value(),
            store->live_status_lists(test_time).value());
  EXPECT_EQ(moved->find_reference_token(Digest{9}).value(),
            store->find_reference_token(Digest{9}).value());
  const auto clients = store->list_clients().value();
  for (const auto& client : clients) {
    const auto before = store->find_client(client.id).value();
    const auto after = moved->find_client(client.id).value();
    EXPECT_EQ(after.client.name, before.client.name);
    EXPECT_EQ(after.client.scopes, before.client.scopes);
    EXPECT_EQ(after.client.audiences, before.client.audiences);
    EXPECT_EQ(after.client.default_audiences, before.client.default_audiences);
    EXPECT_EQ(after.client.claims, before.client.claims);
    EXPECT_EQ(after.client.exchange, before.client.exchange);
    EXPECT_EQ(after.client.token_lifetime, before.client.token_lifetime);
    EXPECT_EQ(after.client.enabled, before.client.enabled);
    ASSERT_EQ(after.secrets.size(), before.secrets.size());
    for (const auto& secret : before.secrets) {
      const auto same =
          std::ranges::find(after.secrets, secret.secret_id, &SecretRecord::secret_id);
      ASSERT_NE(same, after.secrets.end());
      EXPECT_EQ(same->digest, secret.digest);
      EXPECT_EQ(same->pepper_id, secret.pepper_id);
      EXPECT_EQ(same->imported, secret.imported);
      EXPECT_EQ(same->expires_at, secret.expires_at);
      EXPECT_EQ(same->last_used_at, secret.last_used_at);
    }
  }
}

TEST_F(TableCopy, ACursorOfTheFeedGoesOnWhereItWas) {
  fill_every_table();
  const auto cursor = store->newest_change().value();
  ASSERT_TRUE(copy());
  const auto moved = postgres.open();
  for (std::int64_t since = 0; since <= cursor; ++since) {
    const auto before = store->revocation_news(since, test_time, 100).value();
    const auto after = moved->revocation_news(since, test_time, 100).value();
    EXPECT_EQ(after.seq, before.seq);
    EXPECT_EQ(after.full, before.full);
    EXPECT_EQ(after.kids_changed, before.kids_changed);
    EXPECT_EQ(after.compromised_kids, before.compromised_kids);
    EXPECT_TRUE(std::ranges::equal(after.revocations, before.revocations, {}, &Revocation::jti,
                                   &Revocation::jti));
  }
  ASSERT_TRUE(moved->revoke({"later", test_time + 1h}, test_time, "server"));
  const auto news = moved->revocation_news(cursor, test_time, 100).value();
  EXPECT_FALSE(news.full);
  EXPECT_EQ(news.seq, cursor + 1);
  ASSERT_EQ(news.revocations.size(), 1U);
  EXPECT_EQ(news.revocations.front().jti, "later");
}

TEST_F(TableCopy, AReaderOfChangesMissesNoneOfThem) {
  fill_every_table();
  ASSERT_TRUE(copy());
  const auto moved = postgres.open();
  const auto before = store->changes_after(0, 1000).value();
  const auto after = moved->changes_after(0, 1000).value();
  EXPECT_FALSE(after.gap);
  ASSERT_EQ(after.changes.size(), before.changes.size());
  for (std::size_t i = 0; i < before.changes.size(); ++i) {
    EXPECT_EQ(after.changes[i].seq, before.changes[i].seq);
    EXPECT_EQ(after.changes[i].id, before.changes[i].id);
    EXPECT_EQ(after.changes[i].actor, before.changes[i].actor);
  }
}

TEST_F(TableCopy, IndexesOfStatusListsAreGivenOnceYet) {
  fill_every_table();
  ASSERT_TRUE(copy());
  const auto moved = postgres.open();
  const auto same = moved->reserve_status_block(test_time + 1h, 100, 10).value();
  EXPECT_EQ(same.list.id, 1U);
  EXPECT_EQ(same.first, 7U);
  EXPECT_EQ(moved->reserve_status_block(test_time + 2h, 100, 10).value().list.id, 2U);
}

TEST_F(TableCopy, AClientWithTenSecretsStillTakesNoEleventh) {
  fill_every_table();
  ASSERT_TRUE(copy());
  const auto moved = postgres.open();
  ASSERT_EQ(moved->find_client("billing").value().secrets.size(), max_secrets_per_client);
  EXPECT_EQ(moved->add_secret("billing", secret_record(20), test_actor).error().code,
            StoreErrorCode::limit);
  ASSERT_TRUE(moved->remove_secret(
      "billing", "secret000001", [](const auto&) { return std::expected<void, std::string>{}; },
      test_time, test_actor));
  EXPECT_TRUE(moved->add_secret("billing", secret_record(20), test_actor));
}

TEST_F(TableCopy, MoreRowsThanGoInOneStatement) {
  ASSERT_EQ(query_sqlite(sqlite.path(),
                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <"
                         " 10001) INSERT INTO revocation (jti, expires_at, seq)"
                         " SELECT printf('%032x', i), 1800003600, i FROM n;"
                         "INSERT INTO change SELECT seq, 'token_revoked', jti, 1800000000, 'server'"
                         " FROM revocation;"
                         "UPDATE counter SET value = 10001 WHERE name = 'change'"),
            "");
  const auto copied = copy();
  ASSERT_TRUE(copied) << copied.error().detail;
  EXPECT_EQ(postgres.query("SELECT count(*), max(seq) FROM revocation"), "10001|10001");
}

TEST_F(TableCopy, TheDigestSaysWhetherTwoDatabasesAreTheSame) {
  fill_every_table();
  const auto first = copy().value();
  PostgresDatabase second;
  const auto source = sqlite.open_sqlite(sqlite::SqliteStorage::Create::no);
  const auto again = copy_tables(*source, *target_of(second.url()), {}, no_objection).value();
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].sha256, again[i].sha256);
}

TEST_F(TableCopy, AddedPrivateKeysStandAmongItsOwn) {
  fill_every_table();
  ASSERT_TRUE(copy({{std::string(43, 'b'), "line2", "octets"}}));
  EXPECT_EQ(postgres.query("SELECT left(kid, 1), wrapping_key_id FROM wrapped_key ORDER BY kid"),
            "a|line1\nb|line2");
}

TEST_F(TableCopy, AConnectionThatIsLostOnTheWayIsMadeAnewAndAllBeginsAgain) {
  fill_every_table();
  const auto source = sqlite.open_sqlite(sqlite::SqliteStorage::Create::no);
  const auto target = target_of(postgres.url());
  int begun = 0;
  const auto filled = target->fill_empty([&](TableTarget::Filling& filling) -> StoreResult<void> {
    if (++begun == 1) {
      static_cast<void>(
          postgres.query("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                         " WHERE datname = current_database() AND pid <> pg_backend_pid()"));
    }
    return source->export_tables([&](const Table& table, Row row) { filling.put(table, row); });
  });
  ASSERT_TRUE(filled) << filled.error().detail;
  EXPECT_EQ(begun, 2);
  EXPECT_EQ(postgres.query("SELECT count(*) FROM client"), "2");
}

TEST_F(TableCopy, NobodyWritesToTheOldDatabaseMeanwhile) {
  fill_every_table();
  const auto source = sqlite.open_sqlite(sqlite::SqliteStorage::Create::no);
  const auto other = sqlite::SqliteStorage::open({.path = sqlite.path(), .busy_timeout = 10ms},
                                                 sqlite::SqliteStorage::Create::no);
  bool asked = false;
  ASSERT_TRUE(source->export_tables([&](const Table&, Row) {
    if (std::exchange(asked, true)) return;
    EXPECT_EQ((*other)->revoke({"late", test_time + 1h}, test_time, "server").error().code,
              StoreErrorCode::unavailable);
  }));
  EXPECT_TRUE((*other)->revoke({"late", test_time + 1h}, test_time, "server"));
}

// --- what is refused ------------------------------------------------------------------------

TEST_F(TableCopy, ADatabaseThatHoldsAnythingIsRefusedByTable) {
  ASSERT_TRUE(postgres.open()->register_pepper({"other", Digest{1}}, test_time));
  const auto copied = copy();
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, StoreErrorCode::refused);
  EXPECT_NE(copied.error().detail.find("table pepper"), std::string::npos);
}

TEST_F(TableCopy, TwoAtOnceFillItOnce) {
  fill_every_table();
  // Each from a copy of its own: one source is moved once at a time.
  const SqliteDatabase second;
  std::vector<std::jthread> threads;
  std::atomic<int> filled = 0;
  for (const SqliteDatabase* from :
       std::initializer_list<const SqliteDatabase*>{&sqlite, &second}) {
    threads.emplace_back([&, path = from->path()] {
      const auto source =
          sqlite::SqliteStorage::open({.path = path}, sqlite::SqliteStorage::Create::no);
      if (copy_tables(**source, *target_of(postgres.url()), {}, no_objection)) ++filled;
    });
  }
  threads.clear();
  // The empty one may come first, and leaves nothing behind by which it could be told.
  EXPECT_GE(filled, 1);
  EXPECT_EQ(postgres.query("SELECT count(*) FROM client"), "2");
}

TEST_F(TableCopy, WhatArrivesOtherwiseIsRefusedByTableAndLeavesNothing) {
  fill_every_table();
  static_cast<void>(postgres.query(
      "CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS"
      " 'BEGIN NEW.expires_at := NEW.expires_at + 1; RETURN NEW; END';"
      "CREATE TRIGGER later BEFORE INSERT ON revocation FOR EACH ROW EXECUTE FUNCTION later();"
      "SELECT 1"));
  const auto copied = copy();
  ASSERT_FALSE(copied);
  EXPECT_NE(copied.error().detail.find("table revocation"), std::string::npos)
      << copied.error().detail;
  EXPECT_EQ(postgres.query("SELECT count(*) FROM client"), "0");
  EXPECT_EQ(postgres.query("SELECT value FROM counter WHERE name = 'change'"), "0");
}

TEST_F(TableCopy, ARowThatIsSwallowedIsNoticed) {
  fill_every_table();
  static_cast<void>(postgres.query(
      "CREATE RULE swallow AS ON INSERT TO not_before DO INSTEAD NOTHING; SELECT 1"));
  const auto copied = copy();
  ASSERT_FALSE(copied);
  EXPECT_NE(copied.error().detail.find("table not_before"), std::string::npos)
      << copied.error().detail;
}

TEST_F(TableCopy, WhatPostgresCannotHoldIsRefusedByTable) {
  ASSERT_EQ(query_sqlite(sqlite.path(),
                         "INSERT INTO not_before (client_id, at, expires_at, seq)"
                         " VALUES ('a' || char(0) || 'b', 1, 2, 1)"),
            "");
  const auto copied = copy();
  ASSERT_FALSE(copied);
  EXPECT_NE(copied.error().detail.find("table not_before"), std::string::npos);
}

TEST_F(TableCopy, WhoObjectsToTheKeysUndoesAll) {
  fill_every_table();
  const auto source = sqlite.open_sqlite(sqlite::SqliteStorage::Create::no);
  const auto copied =
      copy_tables(*source, *target_of(postgres.url()), {},
                  [](const cli::WrappedKeys& keys) -> std::expected<void, std::string> {
                    return std::unexpected(std::to_string(keys.size()) + " do not open");
                  });
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().detail.substr(copied.error().detail.size() - 13), "1 do not open");
  EXPECT_EQ(postgres.query("SELECT count(*) FROM signing_key"), "0");
}

}  // namespace
}  // namespace grantd::storage::conformance
