// The PostgreSQL that other tests stand on: does it what they take for granted?
#include "tests/support/test_postgres.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

namespace fs = std::filesystem;

bool answers(const PostgresServer& server) {
  try {
    return query(server.url() + "&connect_timeout=2", "SELECT 1") == "1";
  } catch (const std::runtime_error&) {
    return false;
  }
}

TEST(SharedPostgres, GivesEachTestADatabaseOfItsOwn) {
  const TestDatabase first;
  const TestDatabase second;
  query(first.url(), "CREATE TABLE t (n BIGINT, s TEXT)");
  query(first.url(), "INSERT INTO t VALUES (1, 'a'), (2, NULL)");
  EXPECT_EQ(query(first.url(), "SELECT n, s FROM t ORDER BY n"), "1|a\n2|");
  EXPECT_THROW(query(second.url(), "SELECT n FROM t"), std::runtime_error);
  const TestDatabase copy(TestPostgres::shared(), first.url());
  EXPECT_EQ(query(copy.url(), "SELECT count(*) FROM t"), "2");
  EXPECT_EQ(query(copy.url(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"), "f");
}

TEST(AServerOfItsOwn, KeepsItsPortOverStopAndKill) {
  PostgresServer server;
  const auto url = server.create_database();
  query(url, "CREATE TABLE t AS SELECT 1 AS n");
  server.stop();
  EXPECT_FALSE(answers(server));
  server.start();
  server.kill();
  EXPECT_FALSE(answers(server));
  server.start();
  EXPECT_EQ(query(url, "SELECT n FROM t"), "1");
}

TEST(AServerOfItsOwn, AnswersNobodyWhilePaused) {
  PostgresServer server;
  server.pause();
  EXPECT_FALSE(answers(server));
  server.resume();
  EXPECT_TRUE(answers(server));
}

TEST(AServerOfItsOwn, AsksForPasswordAndSpeaksTlsWhereItIsTold) {
  PostgresServer server({.password = "first", .tls = true});
  const auto with = [&](const std::string& password) {
    return "host=localhost hostaddr=127.0.0.1 user=grantd dbname=postgres port=" +
           std::to_string(server.port()) + " sslmode=verify-full sslrootcert=" + server.ca_file() +
           " password=" + password;
  };
  EXPECT_THROW(query(with("wrong"), "SELECT 1"), std::runtime_error);
  EXPECT_EQ(query(with("first"), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "t");
  server.set_password("second");
  EXPECT_EQ(query(with("second"), "SELECT 1"), "1");
}

TEST(AReplica, HoldsWhatItsPrimaryAcknowledged) {
  PostgresServer primary({.durable = true});
  PostgresServer standby = primary.replica("standby");
  primary.set("synchronous_standby_names", "standby");
  ASSERT_TRUE(TestServer::eventually([&] {
    return query(primary.admin_url(), "SELECT sync_state FROM pg_stat_replication") == "sync";
  }));
  const auto database = TestPostgres::database_of(primary.create_database());
  const auto either = PostgresServer::url_of({&primary, &standby}, database);
  query(either, "CREATE TABLE t AS SELECT 1 AS n");
  primary.stop(PostgresServer::Stop::immediate);
  standby.promote();
  EXPECT_EQ(query(either, "INSERT INTO t VALUES (2); SELECT count(*) FROM t"), "2");
}

TEST(Keeper, LeavesNothingWhereATestCrashes) {
  const auto address = fs::temp_directory_path() / ("grantd-address-" + std::to_string(::getpid()));
  const pid_t test = ::fork();
  if (test == 0) {
    const PostgresServer server;
    write_text(address, server.directory());
    ::raise(SIGKILL);
  }
  ASSERT_TRUE(TestServer::eventually([&] { return ::waitpid(test, nullptr, WNOHANG) != 0; }));
  const fs::path directory = read_text(address);
  fs::remove(address);
  EXPECT_TRUE(TestServer::eventually([&] { return !fs::exists(directory); }));
  EXPECT_TRUE(Keeper::processes_in(directory).empty());
}

}  // namespace
}  // namespace grantd::testing
