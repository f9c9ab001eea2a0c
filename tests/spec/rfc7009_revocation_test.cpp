// RFC 7009; R127 to R131.
#include <gtest/gtest.h>

#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

class Rfc7009Revocation : public ::testing::Test {
 protected:
  Rfc7009Revocation() {
    server.add_client("billing");
    server.add_client("other");
    server.add_client("gateway", {"--audience", api, "--serves", api});
  }
  TestServer server;
};

TEST_F(Rfc7009Revocation, NeedsATokenAndAClient) {  // R130
  const auto no_token = server.post("/revoke", "", "billing");
  EXPECT_EQ(no_token.status, 400);
  EXPECT_EQ(json::parse(no_token.body).at("error"), "invalid_request");
  EXPECT_EQ(server.post("/revoke", "token=x").status, 401);
  EXPECT_EQ(server.get("/revoke").status, 405);  // R131
}

TEST_F(Rfc7009Revocation, AnotherClientsTokenStaysActive) {  // R129
  const auto token = server.token_for("billing");
  const auto refused = server.revoke(token, "other");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(json::parse(refused.body).at("error"), "unauthorized_client");
  EXPECT_TRUE(server.is_active(token, "billing"));
}

TEST_F(Rfc7009Revocation, GarbageAndExpiredTokensAre200AndNothingIsStored) {  // R128
  for (const std::string token : {"x", "a.b.c", "....", "eyJhbGciOiJub25lIn0.e30."}) {
    EXPECT_EQ(server.revoke(token, "billing").status, 200) << token;
  }
  const auto metrics = server.metrics();
  EXPECT_NE(metrics.find("\ngrantd_revocations_total 0\n"), std::string::npos);
  EXPECT_NE(metrics.find("\ngrantd_live_revocations 0\n"), std::string::npos);
}

TEST_F(Rfc7009Revocation, RevokedTokenIsInactiveFromTheNextRequestOn) {  // R127
  const auto token = server.token_for("billing");
  const auto another = server.token_for("billing");
  const auto revoked = server.revoke(token, "billing");
  EXPECT_EQ(revoked.status, 200);
  EXPECT_TRUE(revoked.body.empty());
  EXPECT_EQ(server.introspect(token, "billing").body, R"({"active":false})");
  EXPECT_EQ(server.introspect(token, "gateway").body, R"({"active":false})");
  EXPECT_TRUE(server.is_active(another, "billing"));
}

TEST_F(Rfc7009Revocation, AWrongHintStillRevokesAndRepeatingIsFine) {  // R131
  for (const std::string hint : {"refresh_token", "nonsense"}) {
    const auto token = server.token_for("billing");
    const auto form = "token=" + token + "&token_type_hint=" + hint;
    EXPECT_EQ(server.post("/revoke", form, "billing").status, 200);
    EXPECT_EQ(server.post("/revoke", form, "billing").status, 200);
    EXPECT_FALSE(server.is_active(token, "billing"));
  }
}

TEST_F(Rfc7009Revocation, SurvivesARestart) {
  const auto token = server.token_for("billing");
  EXPECT_EQ(server.revoke(token, "billing").status, 200);
  server.stop();
  server.start();
  EXPECT_FALSE(server.is_active(token, "billing"));
}

TEST_F(Rfc7009Revocation, ByCommandATokenOrItsJtiIsInactiveWithinASecond) {
  const auto by_token = server.token_for("billing");
  const auto by_jti = server.token_for("billing");
  server.command_json({"token", "revoke", by_token});
  server.command_json({"token", "revoke", decode(by_jti).claims.at("jti")});
  EXPECT_TRUE(TestServer::eventually([&] {
    return !server.is_active(by_token, "billing") && !server.is_active(by_jti, "billing");
  }));
}

TEST_F(Rfc7009Revocation, ByCommandAllTokensOfAClientIssuedUntilNow) {
  const auto token = server.token_for("billing");
  const auto others = server.token_for("other");
  server.command_json({"token", "revoke", "--client", "billing"});
  EXPECT_TRUE(TestServer::eventually([&] { return !server.is_active(token, "billing"); }));
  EXPECT_TRUE(server.is_active(others, "other"));
  EXPECT_TRUE(TestServer::eventually([&] {
    return server.is_active(server.token_for("billing"), "billing");
  })) << "tokens issued afterwards are active";
}

TEST_F(Rfc7009Revocation, ByCommandAllTokensIssuedUntilNow) {
  const auto token = server.token_for("billing");
  const auto others = server.token_for("other");
  server.command_json({"token", "revoke", "--all"});
  EXPECT_TRUE(TestServer::eventually(
      [&] { return !server.is_active(token, "billing") && !server.is_active(others, "other"); }));
}

TEST_F(Rfc7009Revocation, TokensOfADisabledClientStayInactiveWhenItIsEnabledAgain) {
  const auto token = server.token_for("billing");
  EXPECT_TRUE(server.is_active(token, "gateway"));
  server.command_json({"client", "disable", "billing"});
  EXPECT_TRUE(TestServer::eventually([&] { return !server.is_active(token, "gateway"); }));
  EXPECT_TRUE(TestServer::eventually([&] { return server.token("billing").status == 401; }));
  server.command_json({"client", "enable", "billing"});
  EXPECT_TRUE(TestServer::eventually([&] { return server.token("billing").status == 200; }));
  EXPECT_FALSE(server.is_active(token, "gateway"));
}

TEST_F(Rfc7009Revocation, TokensOfADeletedClientStayInactiveWhenItIsCreatedAgain) {
  const auto token = server.token_for("billing");
  server.command_json({"client", "delete", "billing"});
  EXPECT_TRUE(TestServer::eventually([&] { return !server.is_active(token, "gateway"); }));
  server.add_client("billing");
  EXPECT_TRUE(TestServer::eventually([&] { return server.token("billing").status == 200; }));
  EXPECT_FALSE(server.is_active(token, "gateway"));
}

TEST_F(Rfc7009Revocation, WhatACommandChangedIsLoggedByTheServer) {
  server.command_json({"client", "disable", "other"});
  EXPECT_TRUE(TestServer::eventually([&] {
    for (const auto& line : server.log_lines("operator_change")) {
      if (line.at("kind") != "client_disabled") continue;
      EXPECT_EQ(line.at("id"), "other");
      EXPECT_TRUE(line.at("actor").get<std::string>().starts_with("operator:"));
      EXPECT_GT(line.at("seq").get<int>(), 0);
      return true;
    }
    return false;
  }));
}

}  // namespace
}  // namespace grantd::testing
