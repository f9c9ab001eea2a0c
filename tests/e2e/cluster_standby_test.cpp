// A synchronous standby that does not confirm: what it has not got is not acknowledged, and what
// needs no confirmation goes on.
#include <gtest/gtest.h>

#include "tests/support/test_cluster.h"

namespace grantd::testing {
namespace {

class StandbySilent : public ::testing::Test {
 protected:
  StandbySilent() {
    primary.set("synchronous_standby_names", "standby");
    EXPECT_TRUE(TestServer::eventually([&] {
      return query(primary.admin_url(), "SELECT sync_state FROM pg_stat_replication") == "sync";
    }));
    node.add_client("c1");
    token = node.token_for("c1");
    EXPECT_TRUE(node.is_active(token, "c1"));
    standby.pause();
  }

  PostgresServer primary;
  PostgresServer standby = primary.replica("standby");
  std::string url = PostgresServer::url_of({&primary, &standby},
                                           TestPostgres::database_of(primary.create_database()));
  TestServer node{{.config = {{"storage", {{"statement_timeout", "500ms"}}}}, .postgres_url = url}};
  std::string token;
};

TEST_F(StandbySilent, NothingIsAcknowledgedThatItHasNotGot) {
  const auto refused = node.revoke(token, "c1");
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_TRUE(refused.has_header("Retry-After"));
  EXPECT_EQ(node.command({"client", "create", "c2"}).status, 1);
  EXPECT_EQ(node.command({"client", "disable", "c1"}).status, 1);
  // These only read.
  EXPECT_EQ(node.token("c1").status, 200);
  EXPECT_EQ(node.introspect(token, "c1").status, 200);
  EXPECT_EQ(node.connect_ops().request("GET", "/readyz").status, 200);

  standby.resume();
  EXPECT_TRUE(TestServer::eventually([&] { return node.revoke(token, "c1").status == 200; }));
  EXPECT_TRUE(TestServer::eventually([&] { return !node.is_active(token, "c1"); }));
}

TEST_F(StandbySilent, WhatWasAcknowledgedBeforeIsThereAfterTheFailover) {
  standby.resume();
  const auto revoked = node.token_for("c1");
  ASSERT_EQ(node.revoke(revoked, "c1").status, 200);
  ASSERT_EQ(node.command({"client", "create", "c2"}).status, 0);
  standby.pause();
  EXPECT_EQ(node.revoke(token, "c1").status, 503);
  primary.kill();
  standby.resume();
  standby.promote();
  EXPECT_TRUE(
      TestServer::eventually([&] { return node.command({"client", "show", "c2"}).status == 0; }));
  EXPECT_TRUE(TestServer::eventually([&] { return node.revoke(token, "c1").status == 200; }));
  EXPECT_FALSE(node.is_active(revoked, "c1"));
  EXPECT_EQ(query(standby.url(TestPostgres::database_of(url)), "SELECT count(*) FROM revocation"),
            "2");
}

}  // namespace
}  // namespace grantd::testing
