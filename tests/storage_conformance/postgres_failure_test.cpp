// storage/postgres where the server is stopped, killed, silent, read-only, or lacks its standby:
// every call ends in time, nothing unconfirmed is acknowledged, nothing is committed twice.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "server/base/descriptor.h"
#include "tests/storage_conformance/postgres_database.h"
#include "tests/support/free_port.h"

namespace grantd::storage::postgres {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Stop = PostgresServer::Stop;

constexpr milliseconds statement_timeout{500};
constexpr milliseconds connect_timeout{500};
/// What a busy test machine may add.
constexpr milliseconds slack{500};
constexpr milliseconds call_limit = statement_timeout + answer_margin + slack;

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 250; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(milliseconds{20});
  }
  return false;
}

Options hasty(const std::string& url) {
  Options options = options_of(url);
  options.statement_timeout = statement_timeout;
  options.connect_timeout = connect_timeout;
  return options;
}

class PostgresFailure : public ::testing::Test {
 protected:
  void SetUp() override {
    query(url_, test_tables);
    store_ = database_of(hasty(url_));
    ASSERT_TRUE(store_->open());
  }

  void terminate(std::int64_t process) {
    query(server_.admin_url(), "SELECT pg_terminate_backend(" + std::to_string(process) + ")");
    ASSERT_TRUE(eventually([&] {
      return query(server_.admin_url(), "SELECT count(*) FROM pg_stat_activity WHERE pid = " +
                                            std::to_string(process)) == "0";
    }));
  }

  [[nodiscard]] std::string waiting_for_standby() const {
    return query(server_.admin_url(),
                 "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
  }

  /// Takes each COMMIT's confirmation away, or gives it back.
  void want_standby(const std::string& name) {
    server_.set("synchronous_standby_names", name);
    ASSERT_TRUE(eventually(
        [&] { return query(server_.admin_url(), "SHOW synchronous_standby_names") == name; }));
  }

  /// A write that never ends by itself; `meanwhile` is called with its process once it waits for
  /// the standby.
  StoreResult<void> note_while(const std::string& id,
                               const std::function<void(const std::string&)>& meanwhile) {
    auto patient = options_of(url_);
    patient.statement_timeout = seconds{20};
    const auto database = database_of(patient);
    StoreResult<void> outcome;
    runs_ = 0;
    std::jthread writer([&] {
      outcome = database->write([&](Connection& connection) -> StoreResult<void> {
        ++runs_;
        connection.run("INSERT INTO noted (id) VALUES ($1)", id);
        return {};
      });
    });
    EXPECT_TRUE(eventually([&] { return waiting_for_standby() == "1"; }));
    meanwhile(query(server_.admin_url(),
                    "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"));
    writer.join();
    return outcome;
  }

  PostgresServer server_;
  const std::string url_ = server_.create_database();
  std::unique_ptr<Database> store_;
  std::atomic<int> runs_{0};
};

TEST_F(PostgresFailure, AConnectionKilledBetweenCallsIsNotNoticedByCallers) {
  for (int i = 0; i < 3; ++i) {
    terminate(process_of(*store_).value());
    const auto written = note(*store_, std::to_string(i));
    EXPECT_TRUE(written) << written.error().detail;
  }
  EXPECT_EQ(count_noted(*store_).value(), 3);
}

TEST_F(PostgresFailure, ATransactionKilledBeforeItsCommitRunsAgainAndIsCommittedOnce) {
  int runs = 0;
  const auto written = store_->write_in_order([&](Connection& connection) -> StoreResult<void> {
    connection.run("INSERT INTO noted (id) VALUES ($1)", std::to_string(runs));
    if (++runs == 1) terminate(connection.server_process());
    connection.run("UPDATE noted SET value = 1");
    return {};
  });
  ASSERT_TRUE(written) << written.error().detail;
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(query(url_, "SELECT string_agg(id, ',') FROM noted"), "1");
}

TEST_F(PostgresFailure, ATransactionThatIsKilledEachTimeEnds) {
  int runs = 0;
  const auto written = store_->write([&](Connection& connection) -> StoreResult<void> {
    ++runs;
    terminate(connection.server_process());
    connection.run("INSERT INTO noted (id) VALUES ('never')");
    return {};
  });
  expect_unavailable(written, "terminating connection");
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(count_noted(*store_).value(), 0);
}

TEST_F(PostgresFailure, WhatWasHandedOutInPartIsNotHandedOutAgain) {
  std::vector<std::int64_t> seen;
  const auto read = store_->read([&](Connection& connection) -> StoreResult<void> {
    connection.each_row("SELECT i FROM generate_series(1, 100000) AS t (i)",
                        [&](const Rows& rows, std::size_t row) {
                          seen.push_back(rows.integer(row, 0));
                          if (seen.size() == 10) terminate(connection.server_process());
                        });
    return {};
  });
  expect_unavailable(read, "terminating connection");
  EXPECT_EQ(seen.size(), cursor_rows);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

TEST_F(PostgresFailure, ARestartIsNotNoticedByTheNextCaller) {
  ASSERT_TRUE(note(*store_, "before"));
  server_.stop(Stop::fast);
  server_.start();
  const auto written = note(*store_, "after");
  EXPECT_TRUE(written) << written.error().detail;
  server_.stop(Stop::immediate);
  server_.start();
  EXPECT_EQ(count_noted(*store_).value(), 2);
}

TEST_F(PostgresFailure, AStoppedServerIsUnavailableAtOnceAndComesBackByItself) {
  server_.stop(Stop::immediate);
  expect_unavailable(note(*store_, "while away"), "refused");
  for (int i = 0; i < 100; ++i) {
    const Stopwatch watch;
    expect_unavailable(count_noted(*store_), "refused");
    EXPECT_LT(watch.elapsed(), milliseconds{100});
  }
  server_.start();
  std::this_thread::sleep_for(away_pause);
  EXPECT_EQ(count_noted(*store_).value(), 0);
}

TEST_F(PostgresFailure, ASilentServerHoldsACallNoLongerThanItsTimeout) {
  ASSERT_TRUE(note(*store_, "before"));
  server_.pause();
  {
    const Stopwatch watch;
    expect_unavailable(count_noted(*store_), "no answer within");
    EXPECT_LT(watch.elapsed(), call_limit);
  }
  {
    const Stopwatch watch;
    expect_unavailable(note(*store_, "silence"), "no connection within");
    EXPECT_LT(watch.elapsed(), connect_timeout + slack);
  }
  {
    const Stopwatch watch;  // known to be away by now
    expect_unavailable(note(*store_, "silence"), "no connection within");
    EXPECT_LT(watch.elapsed(), milliseconds{100});
  }
  server_.resume();
  std::this_thread::sleep_for(away_pause);
  EXPECT_TRUE(note(*store_, "after"));
  EXPECT_EQ(query(url_, "SELECT string_agg(id, ',' ORDER BY id) FROM noted"), "after,before");
}

TEST_F(PostgresFailure, ASilentServerHoldsManyCallersNoLongerThanOne) {
  std::vector<std::jthread> warm;
  warm.reserve(8);
  for (int i = 0; i < 8; ++i) warm.emplace_back([&] { EXPECT_TRUE(count_noted(*store_)); });
  warm.clear();
  server_.pause();
  const Stopwatch watch;
  std::atomic<int> unavailable{0};
  std::vector<std::jthread> callers;
  callers.reserve(24);
  for (int i = 0; i < 24; ++i) {
    callers.emplace_back([&] {
      if (!count_noted(*store_)) ++unavailable;
    });
  }
  callers.clear();
  EXPECT_EQ(unavailable, 24);
  // One statement of those that had a connection, then one attempt to connect.
  EXPECT_LT(watch.elapsed(), call_limit + connect_timeout + slack);
  server_.resume();
  EXPECT_TRUE(eventually([&] { return count_noted(*store_).has_value(); }));
}

TEST_F(PostgresFailure, ServedByManyThreadsThroughRestartsItLosesNothingItConfirmed) {
  std::atomic<bool> done{false};
  std::atomic<int> confirmed{0};
  std::vector<std::jthread> writers;
  writers.reserve(12);
  for (int t = 0; t < 12; ++t) {
    writers.emplace_back([&, t] {
      for (int i = 0; !done; ++i) {
        const Stopwatch watch;
        const auto written = note(*store_, std::to_string(t) + "." + std::to_string(i));
        if (written) ++confirmed;
        EXPECT_TRUE(written || written.error().code == StoreErrorCode::unavailable)
            << written.error().detail;
        EXPECT_LT(watch.elapsed(), statement_timeout + call_limit + connect_timeout);
        if (!written) std::this_thread::sleep_for(milliseconds{5});
      }
    });
  }
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(milliseconds{200});
    server_.stop(i % 2 == 0 ? Stop::fast : Stop::immediate);
    server_.start();
  }
  ASSERT_TRUE(eventually([&, before = confirmed.load()] { return confirmed > before + 50; }));
  done = true;
  writers.clear();
  // Without fsync a crash of the server alone loses nothing: the kernel has it.
  EXPECT_GE(count_noted(*store_).value(), confirmed);
}

TEST_F(PostgresFailure, AWriteThatNoStandbyConfirmsIsUnavailable) {
  want_standby("nobody");
  const Stopwatch watch;
  const auto written = note(*store_, "unconfirmed");
  EXPECT_LT(watch.elapsed(), call_limit);
  expect_unavailable(written, "not known whether the change was committed");
  EXPECT_TRUE(count_noted(*store_));  // reading goes on

  want_standby("");
  EXPECT_TRUE(note(*store_, "confirmed"));
}

TEST_F(PostgresFailure, SessionsThatWaitForAStandbyDoNotPileUp) {
  want_standby("nobody");
  for (int i = 0; i < 4; ++i) {
    expect_unavailable(note(*store_, std::to_string(i)), "not known");
    EXPECT_TRUE(count_noted(*store_));
    EXPECT_TRUE(eventually([&] { return waiting_for_standby() == "0"; }));
  }
  // What they wrote is there, but nobody was told that it was safe.
  EXPECT_EQ(count_noted(*store_).value(), 4);
}

TEST_F(PostgresFailure, AKeyThatNoStandbyHasIsSeenByNobodyUntilOneHasIt) {
  const auto url = server_.create_database();
  const auto storage = open(hasty(url));
  ASSERT_TRUE(storage) << storage.error();
  const auto migrations = (*storage)->known_migrations();
  ASSERT_TRUE((*storage)->apply({migrations.begin(), migrations.end()}, sys_seconds{}));
  const auto keys = [&] { return query(url, "SELECT count(*) FROM signing_key"); };

  want_standby("nobody");
  KeyRecord key;
  key.kid = std::string(43, 'a');
  key.public_jwk = R"({"kty":"RSA"})";
  const auto put = (*storage)->update_keys(
      [&](const std::vector<KeyRecord>&) -> std::expected<KeyStore::Update, std::string> {
        return KeyStore::Update{.put = {key}, .changes = {{ChangeKind::key_published, key.kid}}};
      },
      sys_seconds{}, "server");
  expect_unavailable(put, "not known");
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE((*storage)->ping());
    EXPECT_EQ(keys(), "0");
    std::this_thread::sleep_for(milliseconds{50});
  }
  EXPECT_EQ(waiting_for_standby(), "1");
  want_standby("");
  EXPECT_TRUE(eventually([&] { return keys() == "1"; }));
}

TEST_F(PostgresFailure, ASessionHasANameThatNoOtherEverHas) {
  // Its process id alone another session may have, here later or on the server of a failover.
  std::set<std::string> names;
  for (int i = 0; i < 3; ++i) {
    int process = 0;
    const auto name = store_->read_one([&](Connection& connection) -> StoreResult<std::string> {
      connection.query("SELECT 1");  // the end of the one before may not have arrived yet
      process = connection.server_process();
      return connection.session();
    });
    ASSERT_TRUE(name) << name.error().detail;
    EXPECT_TRUE(name->starts_with(std::to_string(process) + "/1")) << *name;
    EXPECT_TRUE(names.insert(*name).second) << *name;
    terminate(process);
  }
}

TEST_F(PostgresFailure, ACommitThatIsCancelledIsAnsweredWithSuccessAndIsUnavailableAllTheSame) {
  want_standby("nobody");
  const auto written = note_while("cancelled", [&](const std::string& process) {
    query(server_.admin_url(), "SELECT pg_cancel_backend(" + process + ")");
  });
  expect_unavailable(written, "not confirmed by the standby: canceling wait for synchronous");
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(count_noted(*store_).value(), 1);  // which is why success would have been a lie
}

TEST_F(PostgresFailure, ACommitWhoseConnectionIsLostIsNotRunAgain) {
  want_standby("nobody");
  const auto written = note_while("lost", [&](const std::string& process) {
    query(server_.admin_url(), "SELECT pg_terminate_backend(" + process + ")");
  });
  expect_unavailable(written, "not known whether the change was committed");
  EXPECT_EQ(runs_, 1);
}

TEST_F(PostgresFailure, ACommitDuringWhichTheServerCrashesIsNotRunAgain) {
  want_standby("nobody");
  const auto written =
      note_while("crashed", [&](const std::string&) { server_.stop(Stop::immediate); });
  expect_unavailable(written, "not known whether the change was committed");
  EXPECT_EQ(runs_, 1);
}

TEST(PostgresHostsInTurn, TheNextIsTakenWhereTheFirstRefuses) {
  const PostgresServer server;
  auto options = hasty(server.url());
  options.parameters["host"] = "127.0.0.1,127.0.0.1";
  options.parameters["port"] =
      std::to_string(testing::free_port()) + "," + std::to_string(server.port());
  const auto database = database_of(options);
  const auto process = process_of(*database);
  EXPECT_TRUE(process) << process.error().detail;

  options.parameters["port"] = options.parameters["port"].substr(0, 5) + ",1";
  const auto none = database_of(options)->open();
  ASSERT_FALSE(none);
  const auto first = none.error().find("refused");
  ASSERT_NE(first, std::string::npos) << none.error();
  EXPECT_NE(none.error().find("refused", first + 1), std::string::npos) << none.error();
}

TEST(PostgresHostsInTurn, AStandbyIsPassedOverAndAnOldPrimaryIsLeft) {
  PostgresServer primary;
  const auto primary_url = primary.create_database();
  const auto name = testing::TestPostgres::database_of(primary_url);
  query(primary_url, test_tables);
  PostgresServer standby = primary.replica("standby");
  ASSERT_TRUE(eventually(
      [&] { return query(standby.url(name), "SELECT to_regclass('noted')") == "noted"; }));
  const auto url = PostgresServer::url_of({&standby, &primary}, name);
  auto halved = hasty(url);
  halved.connect_timeout = 2 * connect_timeout;
  const auto database = database_of(halved);
  const auto written = note(*database, "to the primary");
  ASSERT_TRUE(written) << written.error().detail;
  ASSERT_TRUE(
      eventually([&] { return query(standby.url(name), "SELECT count(*) FROM noted") == "1"; }));

  // Whoever takes any server finds the standby first, and goes on to the other when he must write.
  auto careless = halved;
  careless.parameters["target_session_attrs"] = "any";
  const auto any = database_of(careless);
  EXPECT_EQ(count_noted(*any).value(), 1);
  const auto moved = note(*any, "from the standby");
  EXPECT_TRUE(moved) << moved.error().detail;

  // The primary falls silent, as if its network had died; the standby takes over.
  ASSERT_TRUE(
      eventually([&] { return query(standby.url(name), "SELECT count(*) FROM noted") == "2"; }));
  primary.pause();
  standby.promote();
  expect_unavailable(note(*database, "into the void"), "no answer within");
  const Stopwatch watch;
  const auto after = note(*database, "after the failover");
  EXPECT_TRUE(after) << after.error().detail;
  EXPECT_LT(watch.elapsed(), connect_timeout + slack);
  primary.resume();
  EXPECT_EQ(query(standby.url(name), "SELECT count(*) FROM noted"), "3");
}

TEST(PostgresHostsInTurn, ASilentFirstHostCostsItsShareOfTheTimeoutAndIsNotTriedFirstAgain) {
  PostgresServer silent;
  PostgresServer server;
  silent.pause();
  auto options = hasty(PostgresServer::url_of({&silent, &server}, "postgres"));
  options.connections = 2;
  options.connect_timeout = 2 * connect_timeout;
  const auto database = database_of(options);
  {
    const Stopwatch watch;
    ASSERT_TRUE(database->open());
    EXPECT_GE(watch.elapsed(), connect_timeout);
    EXPECT_LT(watch.elapsed(), connect_timeout + slack);
  }
  query(server.admin_url(),
        "SELECT pg_terminate_backend(" + std::to_string(process_of(*database).value()) + ")");
  const Stopwatch watch;
  EXPECT_TRUE(process_of(*database));
  EXPECT_LT(watch.elapsed(), connect_timeout);
  silent.resume();
}

TEST(PostgresHostsInTurn, HaveTheTimeoutTogether) {
  PostgresServer silent;
  auto options = hasty(PostgresServer::url_of({&silent, &silent, &silent, &silent}, "postgres"));
  silent.pause();
  const Stopwatch watch;
  EXPECT_FALSE(database_of(options)->open());
  EXPECT_GE(watch.elapsed(), connect_timeout - milliseconds{10});
  EXPECT_LT(watch.elapsed(), connect_timeout + slack);
  silent.resume();
}

TEST(PostgresHostsInTurn, TheLastHasWhatTheOthersDidNotNeed) {
  PostgresServer silent;
  auto options = hasty(silent.url());
  options.parameters["host"] = "127.0.0.1,127.0.0.1";
  options.parameters["port"] =
      std::to_string(testing::free_port()) + "," + std::to_string(silent.port());
  silent.pause();
  const Stopwatch watch;
  EXPECT_FALSE(database_of(options)->open());
  EXPECT_GE(watch.elapsed(), connect_timeout - milliseconds{10});
  EXPECT_LT(watch.elapsed(), connect_timeout + slack);
  silent.resume();
}

/// Answers one client's greeting as a server of that version would, and nothing after it.
class GreetingServer {
 public:
  explicit GreetingServer(const std::string& version)
      : port_(testing::free_port()), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!listener_.valid() ||
        ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), 1) != 0) {
      throw std::runtime_error("cannot listen");
    }
    thread_ = std::jthread([this, version] { serve(version); });
  }
  [[nodiscard]] std::string url() const {
    return "postgresql://grantd@127.0.0.1:" + std::to_string(port_) + "/grantd?sslmode=disable";
  }

 private:
  static std::string message(char type, const std::string& body) {
    const auto length = static_cast<std::uint32_t>(body.size() + 4);
    std::string out(1, type);
    for (const auto shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(length >> shift);
    return out + body;
  }
  static std::string parameter(const std::string& name, const std::string& value) {
    return message('S', name + '\0' + value + '\0');
  }

  void serve(const std::string& version) const {
    const Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::array<char, 1024> greeting{};
    static_cast<void>(::recv(client.get(), greeting.data(), greeting.size(), 0));
    const std::string answer =
        message('R', std::string(4, '\0')) + parameter("server_version", version) +
        parameter("in_hot_standby", "off") + parameter("default_transaction_read_only", "off") +
        message('Z', "I");
    static_cast<void>(::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL));
    while (::recv(client.get(), greeting.data(), greeting.size(), 0) > 0) {
    }
  }

  std::uint16_t port_;
  Descriptor listener_;
  std::jthread thread_;
};

TEST(PostgresVersion, BelowFifteenIsRefused) {
  const GreetingServer old("14.12");
  const auto opened = database_of(hasty(old.url()))->open();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().find("PostgreSQL 14, and 15 or later is needed"), std::string::npos)
      << opened.error();
}

TEST(PostgresHostsInTurn, AServerThatFallsSilentBehindItsGreetingCostsNoMore) {
  const GreetingServer silent("15.1");
  auto options = hasty(silent.url());
  options.statement_timeout = seconds{20};
  const Stopwatch watch;
  const auto opened = database_of(options)->open();
  EXPECT_LT(watch.elapsed(), connect_timeout + slack);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().find("no connection within"), std::string::npos) << opened.error();
}

}  // namespace
}  // namespace grantd::storage::postgres
