// What a node on PostgreSQL looks at before it serves, and while it does: the schema, how safely
// the database keeps what it acknowledges, its own clock.
#include <gtest/gtest.h>

#include "tests/support/installation.h"
#include "tests/support/test_cluster.h"

namespace grantd::testing {
namespace {

bool log_holds(TestServer& server, const std::string& text) {
  return server.log().find(text) != std::string::npos;
}

TEST(NodeOnPostgres, RefusesASchemaThatIsBehind) {
  const TestDatabase database;
  TestServer server({.start = false, .postgres_url = database.url(), .migrate = false});
  const auto refused = grantd({"serve", "--config", server.config_file()});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("grantd migrate"), std::string::npos) << refused.err;
  EXPECT_EQ(query(database.url(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
            "0")
      << "serve never migrates PostgreSQL";
  EXPECT_EQ(server.command({"migrate"}).status, 0);
  server.start();
  EXPECT_EQ(server.connect_ops().request("GET", "/readyz").status, 200);
}

TEST(NodeOnPostgres, WarnsWhereAFailoverCouldLoseWhatWasAcknowledged) {
  PostgresServer primary;
  PostgresServer standby = primary.replica("standby");
  {
    TestServer server({.postgres_url = primary.create_database()});
    EXPECT_TRUE(log_holds(server, "synchronous_standby_names")) << server.log();
  }
  primary.set("synchronous_standby_names", "standby");
  TestServer server({.postgres_url = primary.create_database()});
  EXPECT_FALSE(log_holds(server, "synchronous_standby_names")) << server.log();
}

TEST(NodeOnPostgres, BelievesADatabaseThatProvesWhoItIsByTlsAlone) {
  PostgresServer postgres({.password = "correct horse", .tls = true});
  const auto database = TestPostgres::database_of(postgres.create_database());
  const auto under = [&](const std::string& authority) {
    return "postgresql://grantd@localhost:" + std::to_string(postgres.port()) + "/" + database +
           "?sslrootcert=" + authority;
  };
  TempDir files;
  write_text(files / "password", "correct horse\n");
  const json password = {{"storage", {{"password_file", files / "password"}}}};
  const TestServer stranger;
  TestServer mistaken({.config = password,
                       .start = false,
                       .postgres_url = under(stranger.ca_file()),
                       .migrate = false});
  const auto refused = mistaken.command({"migrate"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("certificate"), std::string::npos) << refused.err;

  TestServer server({.config = password, .postgres_url = under(postgres.ca_file())});
  server.is_secret("correct horse");
  server.add_client("c1");
  EXPECT_EQ(server.token("c1").status, 200);

  // Rotated: each new connection reads the file.
  postgres.set_password("battery staple");
  write_text(files / "password", "battery staple\n");
  postgres.stop();
  postgres.start();
  EXPECT_TRUE(TestServer::eventually([&] {
    return server.connect_ops().request("GET", "/readyz").status == 200 &&
           server.token("c1").status == 200 && server.command({"client", "list"}).status == 0;
  }));
}

TEST(NodeOnPostgres, IsNotReadyWhileItsClockIsFurtherFromTheDatabasesThanItsSkew) {
  if (!clock_can_be_turned) GTEST_SKIP() << "libfaketime and the sanitizers exclude each other";
  const TestDatabase database;
  const json config = {{"tokens", {{"clock_skew", "2s"}}}};
  TestServer right({.config = config, .postgres_url = database.url()});
  TestServer wrong(
      {.config = config, .turnable_clock = true, .postgres_url = database.url(), .beside = &right});
  right.add_client("c1");
  const auto ready = [&] { return wrong.connect_ops().request("GET", "/readyz").status; };
  const auto now = [] { return floor_seconds(std::chrono::system_clock::now()); };
  EXPECT_EQ(ready(), 200);
  EXPECT_EQ(wrong.token("c1").status, 200);
  for (const std::chrono::seconds off : {std::chrono::seconds{30}, std::chrono::seconds{-30}}) {
    wrong.turn_clock(now() + off);
    EXPECT_TRUE(TestServer::eventually([&] { return ready() == 503; })) << off.count();
    EXPECT_EQ(wrong.token("c1").status, 503);
    EXPECT_EQ(wrong.get("/.well-known/jwks.json").status, 503);
    EXPECT_EQ(right.token("c1").status, 200);
    wrong.turn_clock(now());
    EXPECT_TRUE(TestServer::eventually([&] { return ready() == 200; })) << off.count();
    EXPECT_EQ(wrong.token("c1").status, 200);
  }
  EXPECT_EQ(wrong.log_lines("clock_off").size(), 2U);
  EXPECT_NE(wrong.metrics().find("\ngrantd_clock_off_total 2\n"), std::string::npos);
  EXPECT_TRUE(right.log_lines("clock_off").empty());
}

}  // namespace
}  // namespace grantd::testing
