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

TEST(NodeOnPostgres, WarnsWhereTlsDoesNotProveWhoTheDatabaseIs) {
  PostgresServer postgres({.password = "correct horse", .tls = true});
  const auto fresh_database = [&](const std::string& tls) {
    return "postgresql://grantd@localhost:" + std::to_string(postgres.port()) + "/" +
           TestPostgres::database_of(postgres.create_database()) + tls;
  };
  TempDir files;
  write_text(files / "password", "correct horse\n");
  const json password = {{"storage", {{"password_file", files / "password"}}}};
  {
    TestServer server({.config = password, .postgres_url = fresh_database("?sslmode=require")});
    EXPECT_TRUE(log_holds(server, "sslmode")) << server.log();
  }
  TestServer server(
      {.config = password, .postgres_url = fresh_database("?sslrootcert=" + postgres.ca_file())});
  server.is_secret("correct horse");
  server.add_client("c1");
  EXPECT_EQ(server.token("c1").status, 200);
  EXPECT_FALSE(log_holds(server, "sslmode")) << server.log();

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
}

}  // namespace
}  // namespace grantd::testing
