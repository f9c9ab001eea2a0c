// Connections, transactions and the pool of storage/postgres on a real server that is well. What
// happens where it is not: postgres_failure_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include "storage/postgres/health.h"
#include "storage/postgres/schema.h"
#include "tests/storage_conformance/postgres_database.h"
#include "tests/support/temp_dir.h"

namespace grantd::storage::postgres {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::TempDir;

class PostgresConnection : public ::testing::Test {
 protected:
  void SetUp() override {
    query(database_.url(), test_tables);
    store_ = database_of(options_of(database_.url()));
    const auto opened = store_->open();
    ASSERT_TRUE(opened) << opened.error();
  }

  /// Runs `work`, which returns nothing, in one statement's worth of reading.
  template <typename Work>
  void with_connection(const Work& work) {
    const auto done = store_->read_one([&](Connection& connection) -> StoreResult<void> {
      work(connection);
      return {};
    });
    ASSERT_TRUE(done) << done.error().detail;
  }

  TestDatabase database_;
  std::unique_ptr<Database> store_;
};

TEST_F(PostgresConnection, ArgumentsComeBackAsTheyWere) {
  Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) digest.at(i) = static_cast<std::uint8_t>(i * 9);
  const std::string octets("\0\\x\xff'", 5);
  const std::string text = "a'b\\c\"d {e,f} \xc3\xbc\n";
  with_connection([&](Connection& connection) {
    const Rows rows = connection.query(
        "SELECT $1::text, $2::bigint, $3::smallint, $4::bytea, $5::bytea, $6::bigint, $7::bigint,"
        " $8::bigint, $9::bigint",
        text, std::int64_t{-9'223'372'036'854'775'807}, true, digest, Octets{octets},
        sys_seconds{std::chrono::seconds{1'800'000'000}}, std::chrono::seconds{60},
        std::optional<std::int64_t>{}, std::optional<std::int64_t>{7});
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows.text(0, 0), text);
    EXPECT_EQ(rows.integer(0, 1), -9'223'372'036'854'775'807);
    EXPECT_TRUE(rows.boolean(0, 2));
    EXPECT_EQ(rows.digest(0, 3), digest);
    EXPECT_EQ(rows.octets(0, 4), octets);
    EXPECT_EQ(rows.time(0, 5), sys_seconds{std::chrono::seconds{1'800'000'000}});
    EXPECT_EQ(rows.integer(0, 6), 60);
    EXPECT_TRUE(rows.is_null(0, 7));
    EXPECT_EQ(rows.optional_time(0, 7), std::nullopt);
    EXPECT_EQ(rows.integer(0, 8), 7);
  });
}

TEST_F(PostgresConnection, ArraysComeBackAsTheyWere) {
  const std::vector<std::string> texts{"",           "NULL",        "a,b",     "{}",
                                       "\"quoted\"", "back\\slash", "\xc3\xbc"};
  Digest digest{};
  digest.fill(0xab);
  with_connection([&](Connection& connection) {
    const Rows rows = connection.query("SELECT unnest($1::text[])", texts);
    ASSERT_EQ(rows.size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(rows.text(i, 0), texts[i]);
    EXPECT_TRUE(connection.query("SELECT unnest($1::text[])", std::vector<std::string>{}).empty());
    const Rows pairs =
        connection.query("SELECT a, b FROM unnest($1::bigint[], $2::bytea[]) AS t (a, b)",
                         std::vector<std::int64_t>{-1, 2}, std::vector<Digest>{digest, Digest{}});
    EXPECT_EQ(pairs.integer(0, 0), -1);
    EXPECT_EQ(pairs.digest(0, 1), digest);
    EXPECT_EQ(pairs.digest(1, 1), Digest{});
  });
}

TEST_F(PostgresConnection, ATextThatPostgresqlCannotStoreIsALimitNotCutOff) {
  using namespace std::string_literals;
  EXPECT_EQ(note(*store_, "nul\0behind"s).error().code, StoreErrorCode::limit);
  EXPECT_EQ(note(*store_, "\xff\xfe").error().code, StoreErrorCode::limit);
  EXPECT_EQ(count_noted(*store_), 0);
}

TEST_F(PostgresConnection, ConstraintsAreToldApart) {
  ASSERT_TRUE(note(*store_, "one"));
  const auto twice = note(*store_, "one");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, StoreErrorCode::exists);
  EXPECT_EQ(note(*store_, "two", 1000).error().code, StoreErrorCode::limit);
  EXPECT_EQ(count_noted(*store_), 1);
}

TEST_F(PostgresConnection, AnErrorSaysWhereAndWhatWithoutTheValues) {
  ASSERT_TRUE(note(*store_, "confidential"));
  const auto twice = note(*store_, "confidential");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().detail.find("confidential"), std::string::npos) << twice.error().detail;
  EXPECT_NE(twice.error().detail.find("127.0.0.1:"), std::string::npos) << twice.error().detail;
  EXPECT_NE(twice.error().detail.find("23505"), std::string::npos) << twice.error().detail;
}

TEST_F(PostgresConnection, TheSessionIsSetUp) {
  with_connection([](Connection& connection) {
    const auto setting = [&](const char* name) {
      return connection.query("SELECT current_setting($1)", name).string(0, 0);
    };
    EXPECT_EQ(setting("statement_timeout"), "2s");
    EXPECT_EQ(setting("lock_timeout"), "2s");
    EXPECT_EQ(setting("idle_in_transaction_session_timeout"), "2s");
    EXPECT_EQ(setting("client_encoding"), "UTF8");
    EXPECT_EQ(setting("application_name"), "grantd");
    EXPECT_EQ(setting("synchronous_commit"), "on");
    EXPECT_EQ(setting("search_path"), "\"$user\", public");
  });
}

TEST_F(PostgresConnection, AWeakerSynchronousCommitIsRaisedAndAStrongerOneStays) {
  const auto level_where_server_says = [&](const std::string& level) {
    query(database_.url(), "ALTER DATABASE " + testing::TestPostgres::database_of(database_.url()) +
                               " SET synchronous_commit = " + level);
    const auto fresh = database_of(options_of(database_.url()));
    return fresh
        ->read_one([](Connection& connection) -> StoreResult<std::string> {
          return connection.query("SHOW synchronous_commit").string(0, 0);
        })
        .value();
  };
  for (const char* weak : {"off", "local", "remote_write"}) {
    EXPECT_EQ(level_where_server_says(weak), "on") << weak;
  }
  EXPECT_EQ(level_where_server_says("remote_apply"), "remote_apply");
}

TEST_F(PostgresConnection, OneConnectionServesOneCallAfterTheOther) {
  const auto first = process_of(*store_);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(process_of(*store_), *first);
}

TEST_F(PostgresConnection, AWriteThatReturnsAnErrorOrThrowsLeavesNoTrace) {
  const auto refused = store_->write([](Connection& connection) -> StoreResult<void> {
    connection.run("INSERT INTO noted (id) VALUES ('refused')");
    return std::unexpected(StoreError{StoreErrorCode::refused, "no"});
  });
  EXPECT_EQ(refused.error().code, StoreErrorCode::refused);
  const auto throwing = [&] {
    return store_->write_in_order([](Connection& connection) -> StoreResult<void> {
      connection.run("INSERT INTO noted (id) VALUES ('thrown')");
      throw std::logic_error("the caller's own");
    });
  };
  EXPECT_THROW(static_cast<void>(throwing()), std::logic_error);
  EXPECT_EQ(count_noted(*store_), 0);
  EXPECT_TRUE(note(*store_, "afterwards"));
}

TEST_F(PostgresConnection, AReadSeesOneMomentAndCannotWrite) {
  const auto counted = store_->read([&](Connection& connection) -> StoreResult<std::int64_t> {
    const auto before = connection.query("SELECT count(*) FROM noted").integer(0, 0);
    EXPECT_TRUE(note(*store_, "meanwhile"));
    return connection.query("SELECT count(*) FROM noted").integer(0, 0) - before;
  });
  EXPECT_EQ(counted, 0);
  const auto written = store_->read([&](Connection& connection) -> StoreResult<void> {
    connection.run("INSERT INTO noted (id) VALUES ('by a read')");
    return {};
  });
  EXPECT_FALSE(written);
  EXPECT_EQ(count_noted(*store_), 1);
}

TEST_F(PostgresConnection, ALargeAnswerComesInBatchesAndInOrder) {
  const auto rows = static_cast<std::int64_t>(cursor_rows * 2 + 1);
  std::int64_t seen = 0;
  const auto read = store_->read([&](Connection& connection) -> StoreResult<void> {
    connection.each_row(
        "SELECT i FROM generate_series($1::bigint, $2::bigint) AS t (i) ORDER BY i",
        [&](const Rows& batch, std::size_t row) {
          EXPECT_LE(batch.size(), cursor_rows);
          EXPECT_EQ(batch.integer(row, 0), ++seen);
        },
        std::int64_t{1}, rows);
    // A second one in the same transaction.
    connection.each_row("SELECT 1 WHERE false", [](const Rows&, std::size_t) { FAIL(); });
    return {};
  });
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(seen, rows);
}

TEST_F(PostgresConnection, WritesInOrderFromManyThreadsAreOneAfterTheOther) {
  constexpr int threads = 12;  // more than there are connections
  constexpr int each = 20;
  std::atomic<int> failed{0};
  std::vector<std::jthread> writers;
  writers.reserve(threads);
  for (int t = 0; t < threads; ++t) {
    writers.emplace_back([&] {
      for (int i = 0; i < each; ++i) {
        const auto written =
            store_->write_in_order([](Connection& connection) -> StoreResult<void> {
              const auto value =
                  connection.query("SELECT value FROM counter WHERE name = 'change'").integer(0, 0);
              connection.run("UPDATE counter SET value = $1 WHERE name = 'change'", value + 1);
              return {};
            });
        if (!written) ++failed;
      }
    });
  }
  writers.clear();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(query(database_.url(), "SELECT value FROM counter"), std::to_string(threads * each));
  EXPECT_LE(std::stoi(query(database_.url(),
                            "SELECT count(*) FROM pg_stat_activity WHERE application_name ="
                            " 'grantd' AND datname = current_database()")),
            8);
}

TEST_F(PostgresConnection, WhoFindsNoFreeConnectionWaitsForABoundedTime) {
  auto options = options_of(database_.url());
  options.connections = 1;
  options.statement_timeout = milliseconds{300};
  const auto small = database_of(options);
  const auto outer = small->read_one([&](Connection&) -> StoreResult<void> {
    const Stopwatch watch;
    expect_unavailable(count_noted(*small), "connections were busy");
    EXPECT_GE(watch.elapsed(), milliseconds{300});
    EXPECT_LT(watch.elapsed(), milliseconds{900});
    return {};
  });
  EXPECT_TRUE(outer);
  EXPECT_EQ(count_noted(*small), 0);
}

TEST_F(PostgresConnection, ALostRaceIsRunAgain) {
  int runs = 0;
  // What a distributed engine says where a transaction must be repeated.
  const auto written = store_->write([&](Connection& connection) -> StoreResult<void> {
    connection.run("INSERT INTO noted (id) VALUES ('once')");
    if (++runs < max_attempts) {
      connection.execute("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$");
    }
    return {};
  });
  ASSERT_TRUE(written) << written.error().detail;
  EXPECT_EQ(runs, max_attempts);
  EXPECT_EQ(count_noted(*store_), 1);

  runs = 0;
  const auto hopeless = store_->write([&](Connection& connection) -> StoreResult<void> {
    ++runs;
    connection.execute("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$");
    return {};
  });
  expect_unavailable(hopeless, "again");
  EXPECT_EQ(runs, max_attempts);
}

TEST_F(PostgresConnection, ARealDeadlockEndsInTwoCommits) {
  ASSERT_TRUE(note(*store_, "a"));
  ASSERT_TRUE(note(*store_, "b"));
  query(testing::TestPostgres::shared().admin_url(),
        "ALTER DATABASE " + testing::TestPostgres::database_of(database_.url()) +
            " SET deadlock_timeout = '50ms'");
  const auto two = database_of(options_of(database_.url()));
  std::atomic<int> inside{0};
  const auto crosswise = [&](const char* first, const char* second) {
    return two->write([&](Connection& connection) -> StoreResult<void> {
      const auto update = [&](const char* id) {
        connection.run("UPDATE noted SET value = value + 1 WHERE id = $1", id);
      };
      update(first);
      ++inside;
      for (int i = 0; i < 200 && inside < 2; ++i) std::this_thread::sleep_for(milliseconds{5});
      update(second);
      return {};
    });
  };
  StoreResult<void> other;
  std::jthread thread([&] { other = crosswise("b", "a"); });
  const auto mine = crosswise("a", "b");
  thread.join();
  EXPECT_TRUE(mine) << mine.error().detail;
  EXPECT_TRUE(other) << other.error().detail;
  EXPECT_GE(inside, 3);
  EXPECT_EQ(query(database_.url(), "SELECT sum(value) FROM noted"), "4");
}

TEST_F(PostgresConnection, AStatementThatTakesTooLongIsEndedByTheServer) {
  auto options = options_of(database_.url());
  options.statement_timeout = milliseconds{200};
  const auto hasty = database_of(options);
  const auto process = process_of(*hasty);
  const Stopwatch watch;
  expect_unavailable(hasty->read_one([](Connection& connection) -> StoreResult<void> {
    connection.query("SELECT pg_sleep(10)");
    return {};
  }),
                     "57014");
  EXPECT_LT(watch.elapsed(), milliseconds{600});
  EXPECT_EQ(process_of(*hasty), *process);  // the connection is as good as before
}

TEST_F(PostgresConnection, ALockThatAnotherHoldsIsWaitedForABoundedTime) {
  auto options = options_of(database_.url());
  options.statement_timeout = milliseconds{200};
  const auto hasty = database_of(options);
  const auto held = store_->write_in_order([&](Connection&) -> StoreResult<void> {
    const Stopwatch watch;
    expect_unavailable(hasty->write_in_order([](Connection&) -> StoreResult<void> { return {}; }),
                       "timeout");
    EXPECT_LT(watch.elapsed(), milliseconds{600});
    EXPECT_TRUE(note(*hasty, "not in order"));
    return {};
  });
  EXPECT_TRUE(held);
}

TEST_F(PostgresConnection, ATransactionThatStandsStillLosesItsLocks) {
  auto options = options_of(database_.url());
  options.statement_timeout = milliseconds{200};
  const auto hasty = database_of(options);
  int runs = 0;
  const auto slept = hasty->write_in_order([&](Connection& connection) -> StoreResult<void> {
    ++runs;
    std::this_thread::sleep_for(milliseconds{600});
    connection.run("INSERT INTO noted (id) VALUES ('too late')");
    return {};
  });
  EXPECT_FALSE(slept);
  EXPECT_EQ(runs, 2);  // the second time on a fresh connection
  EXPECT_EQ(count_noted(*store_), 0);
}

TEST_F(PostgresConnection, TheClockIsTheServers) {
  with_connection([](Connection& connection) {
    const auto before = std::chrono::system_clock::now();
    const auto told = read_clock(connection);
    EXPECT_GE(told, before - milliseconds{1});
    EXPECT_LE(told, std::chrono::system_clock::now());
  });
}

TEST_F(PostgresConnection, MigrationsAreAppliedOnceByHoweverManyProcesses) {
  const Migration migration{.number = 1,
                            .name = "0001_first",
                            .sql = "CREATE TABLE first (a BIGINT); SELECT pg_sleep(0.2);",
                            .checksum = "c1",
                            .compatible_from = 1};
  const auto apply = [&](Database& process, const Migration& which) {
    const auto made = process.write([](Connection& connection) -> StoreResult<void> {
      make_migration_table(connection);
      return {};
    });
    EXPECT_TRUE(made || made.error().code == StoreErrorCode::exists) << made.error().detail;
    return process.write([&](Connection& connection) -> StoreResult<void> {
      apply_migration(connection, which, sys_seconds{});
      return {};
    });
  };
  std::vector<std::jthread> processes;
  processes.reserve(4);
  for (int t = 0; t < 4; ++t) {
    processes.emplace_back([&] {
      const auto process = database_of(options_of(database_.url()));
      const auto applied = apply(*process, migration);
      EXPECT_TRUE(applied) << applied.error().detail;
    });
  }
  processes.clear();
  with_connection([](Connection& connection) {
    const auto applied = read_applied_migrations(connection);
    ASSERT_EQ(applied.size(), 1U);
    EXPECT_EQ(applied[0].name, "0001_first");
    EXPECT_EQ(applied[0].checksum, "c1");
  });

  auto changed = migration;
  changed.checksum = "c2";
  EXPECT_NE(apply(*store_, changed).error().detail.find("0001_first"), std::string::npos);
  const Migration broken{.number = 2,
                         .name = "0002_broken",
                         .sql = "CREATE TABLE half (a BIGINT); CREATE TABLE half (a BIGINT);",
                         .checksum = "c",
                         .compatible_from = 1};
  EXPECT_FALSE(apply(*store_, broken));
  EXPECT_EQ(query(database_.url(), "SELECT to_regclass('half')"), "");
}

TEST_F(PostgresConnection, AMigrationMayTakeLongerThanAStatement) {
  auto options = options_of(database_.url());
  options.statement_timeout = milliseconds{100};
  const auto hasty = database_of(options);
  const auto applied = hasty->write([&](Connection& connection) -> StoreResult<void> {
    make_migration_table(connection);
    apply_migration(connection, {1, "0001_slow", "SELECT pg_sleep(0.8)", "c", 1}, sys_seconds{});
    return {};
  });
  EXPECT_TRUE(applied) << applied.error().detail;
  const Stopwatch watch;
  EXPECT_FALSE(hasty->read_one([](Connection& connection) -> StoreResult<void> {
    connection.query("SELECT pg_sleep(5)");
    return {};
  }));
  EXPECT_LT(watch.elapsed(), milliseconds{600});  // as before
}

TEST(PostgresHosts, AreTakenApartWithTheirDefaults) {
  const auto hosts = split_hosts({{"host", "a.example,b.example,/run/pg"}, {"port", "1,,3"}});
  ASSERT_TRUE(hosts) << hosts.error();
  ASSERT_EQ(hosts->size(), 3U);
  EXPECT_EQ(hosts->at(0).at("host"), "a.example");
  EXPECT_EQ(hosts->at(0).at("port"), "1");
  EXPECT_EQ(hosts->at(0).at("sslmode"), "verify-full");
  EXPECT_EQ(hosts->at(0).at("target_session_attrs"), "read-write");
  EXPECT_EQ(hosts->at(0).at("application_name"), "grantd");
  EXPECT_FALSE(hosts->at(1).contains("port"));
  EXPECT_FALSE(hosts->at(2).contains("sslmode"));
  // It is reached over TCP, whatever its name looks like.
  EXPECT_EQ(split_hosts({{"host", "/run/pg"}, {"hostaddr", "192.0.2.1"}})->front().at("sslmode"),
            "verify-full");
  EXPECT_EQ(split_hosts({{"host", "a,b"}, {"port", "7"}})->at(1).at("port"), "7");
}

TEST(PostgresHosts, ThatDoNotFitTogetherAreRefused) {
  EXPECT_FALSE(split_hosts({{"host", "a,b"}, {"port", "1,2,3"}}));
  EXPECT_FALSE(split_hosts({{"host", "a,b"}, {"hostaddr", "127.0.0.1"}}));
  EXPECT_FALSE(split_hosts({{"host", "a"}, {"password", "p"}}));
  // libpq would take the distribution's socket.
  EXPECT_FALSE(split_hosts({{"host", "a,"}}));
  EXPECT_FALSE(split_hosts({{"host", ",a"}, {"hostaddr", "127.0.0.1,127.0.0.1"}}));
  EXPECT_FALSE(split_hosts({{"dbname", "d"}}));
}

TEST(PostgresHosts, AreWarnedOfWhereNobodyVerifiesTheWayToThem) {
  const auto warning = [](const Keywords& keywords) {
    return tls_warning(split_hosts(keywords).value().front()).value_or("");
  };
  EXPECT_NE(warning({{"host", "db.example"}, {"port", "7"}, {"sslmode", "require"}})
                .find("db.example:7 is reached with sslmode=require"),
            std::string::npos);
  EXPECT_NE(warning({{"host", "10.0.0.1"}, {"sslmode", "verify-ca"}}), "");
  EXPECT_EQ(warning({{"host", "db.example"}}), "");
  EXPECT_EQ(warning({{"host", "127.0.0.1"}, {"sslmode", "disable"}}), "");
  EXPECT_EQ(warning({{"host", "localhost"}, {"sslmode", "disable"}}), "");
  EXPECT_EQ(warning({{"host", "::1"}, {"sslmode", "disable"}}), "");
  EXPECT_EQ(warning({{"host", "/run/postgresql"}, {"sslmode", "disable"}}), "");
}

TEST(PostgresHosts, ANameIsLookedUpAndAnAddressIsNot) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  const auto local = look_up({{"host", "localhost"}}, deadline);
  ASSERT_TRUE(local) << local.error();
  EXPECT_TRUE(local->front().contains("hostaddr"));
  EXPECT_FALSE(look_up({{"host", "192.0.2.1"}}, deadline)->front().contains("hostaddr"));
  EXPECT_FALSE(look_up({{"host", "/run/pg"}}, deadline)->front().contains("hostaddr"));
  const auto none = look_up({{"host", "none.invalid"}}, deadline);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().find("none.invalid cannot be looked up"), std::string::npos);
}

class PostgresPassword : public ::testing::Test {
 protected:
  static constexpr const char* first = "correct horse \\'";
  static constexpr const char* second = "battery staple";

  void write_password(const std::string& text) const {
    ASSERT_TRUE(fs::exists(file()) || !text.empty());
    std::ofstream(file()) << text << '\n';
    fs::permissions(file(), fs::perms::owner_read | fs::perms::owner_write);
  }
  [[nodiscard]] fs::path file() const { return directory_ / "password"; }
  [[nodiscard]] Options options() {
    auto options = options_of(server_.url());
    options.password_file = file();
    return options;
  }

  TempDir directory_;
  PostgresServer server_{PostgresServer::Options{.password = first}};
};

TEST_F(PostgresPassword, IsReadAnewForEachConnection) {
  write_password(first);
  const auto database = database_of(options());
  const auto process = process_of(*database);
  ASSERT_TRUE(process) << process.error().detail;

  server_.set_password(second);
  EXPECT_EQ(process_of(*database), *process);  // what is open stays open
  query(server_.admin_url(), "SELECT pg_terminate_backend(" + std::to_string(*process) + ")");
  expect_unavailable(process_of(*database), "password authentication failed");

  write_password(second);
  std::this_thread::sleep_for(away_pause);
  EXPECT_TRUE(process_of(*database));
}

TEST_F(PostgresPassword, StandsInNoMessage) {
  write_password("not-the-right-one");
  const auto wrong = database_of(options())->open();
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().find("password authentication failed"), std::string::npos);
  EXPECT_EQ(wrong.error().find("not-the-right-one"), std::string::npos) << wrong.error();
}

TEST_F(PostgresPassword, IsRefusedWhereOthersCanReadItOrItIsNotThere) {
  write_password(first);
  fs::permissions(file(), fs::perms::others_read, fs::perm_options::add);
  const auto open_to_all = database_of(options())->open();
  ASSERT_FALSE(open_to_all);
  EXPECT_NE(open_to_all.error().find("chmod 600"), std::string::npos) << open_to_all.error();
  fs::remove(file());
  const auto missing = database_of(options())->open();
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().find(file().string()), std::string::npos) << missing.error();
  EXPECT_FALSE(database_of(options_of(server_.url()))->open());  // no file, and one is asked for
}

TEST_F(PostgresPassword, MayBeReadByItsGroupWithAWarning) {
  write_password(first);
  fs::permissions(file(), fs::perms::group_read, fs::perm_options::add);
  const auto storage = open(options());
  ASSERT_TRUE(storage) << storage.error();
  const auto warnings = (*storage)->warnings();
  ASSERT_TRUE(warnings) << warnings.error().detail;
  EXPECT_TRUE(std::ranges::any_of(*warnings, [&](const std::string& warning) {
    return warning.find(file().string()) != std::string::npos;
  }));
}

TEST(PostgresTls, IsVerifiedUnlessTheOperatorSaysOtherwise) {
  PostgresServer server{PostgresServer::Options{.tls = true}};
  auto options = options_of(server.url());
  options.parameters["host"] = "localhost";
  options.parameters.erase("sslmode");
  options.parameters["sslrootcert"] = server.ca_file();
  const auto is_encrypted = [](const Options& used) {
    return database_of(used)->read_one([](Connection& connection) -> StoreResult<bool> {
      return connection.query("SELECT ssl::integer FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
          .boolean(0, 0);
    });
  };
  const auto verified = is_encrypted(options);
  ASSERT_TRUE(verified) << verified.error().detail;
  EXPECT_TRUE(*verified);

  const PostgresServer other{PostgresServer::Options{.tls = true}};
  options.parameters["sslrootcert"] = other.ca_file();
  expect_unavailable(is_encrypted(options), "certificate verify failed");
  options.parameters["sslmode"] = "disable";
  EXPECT_EQ(is_encrypted(options), false);
}

TEST(PostgresTls, AnswersOfAnySizeArrive) {
  const PostgresServer server{PostgresServer::Options{.tls = true}};
  auto options = options_of(server.url());
  options.parameters["sslmode"] = "require";
  const auto database = database_of(options);
  // Around libpq's buffer and TLS's records, both of 16 KiB.
  for (int size = 1; size < 70'000; size += size < 8'000 ? 1'111 : 97) {
    const auto length = database->read_one([&](Connection& connection) -> StoreResult<std::size_t> {
      return connection.query("SELECT repeat('x', $1::integer)", size).string(0, 0).size();
    });
    ASSERT_TRUE(length) << size << ": " << length.error().detail;
    ASSERT_EQ(*length, static_cast<std::size_t>(size));
  }
}

TEST(PostgresDurability, WhatAFailoverOrACrashWouldLoseIsSaid) {
  PostgresServer server;  // fsync and full_page_writes are off
  const auto database = database_of(options_of(server.url()));
  const auto said = [&] {
    std::string all;
    const auto read = database->read_one([&](Connection& connection) -> StoreResult<void> {
      for (const auto& warning : durability_warnings(connection)) all += warning + '\n';
      return {};
    });
    EXPECT_TRUE(read) << read.error().detail;
    return all;
  };
  EXPECT_NE(said().find("synchronous_standby_names"), std::string::npos);
  EXPECT_NE(said().find("fsync is off"), std::string::npos);
  EXPECT_NE(said().find("full_page_writes is off"), std::string::npos);
  EXPECT_EQ(said().find("synchronous_commit"), std::string::npos);
  server.set("synchronous_commit", "local");
  server.set("fsync", "on");
  server.set("full_page_writes", "on");
  server.set("synchronous_standby_names", "somebody");
  std::string after = said();
  for (int i = 0; i < 100 && after.find("fsync") != std::string::npos; ++i) {
    std::this_thread::sleep_for(milliseconds{20});
    after = said();
  }
  EXPECT_NE(after.find("synchronous_commit is local"), std::string::npos) << after;
  EXPECT_EQ(std::ranges::count(after, '\n'), 1) << after;
}

}  // namespace
}  // namespace grantd::storage::postgres
