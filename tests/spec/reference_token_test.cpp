// Opaque reference tokens (RFC 6749 §1.4, RFC 7662, RFC 8693): a handle for clients and audiences
// that must not see the content.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <thread>

#include "server/jose/base64url.h"
#include "tests/support/exchange.h"

namespace grantd::testing {
namespace {

namespace fs = std::filesystem;

const std::string inactive = R"({"active":false})";
const std::string gateway_uri = "https://gateway.example.com";

TestServer::Options options() {
  return {.config = {{"audiences",
                      {{gateway_uri, {{"format", "opaque"}, {"claims", {{"tenant", "eu"}}}}}}}},
          .turnable_clock = true};
}

class ReferenceToken : public ::testing::Test {
 protected:
  ReferenceToken() {
    server.add_client("caller", {"--scope", "api:read api:write", "--audience", gateway_uri});
    server.add_client("gateway", {"--serves", gateway_uri, "--exchange-audience", api});
    server.add_client("outsider", {"--audience", gateway_uri, "--serves", profiles});
    server.add_client("api", {"--serves", api});
    handle = server.token_for("caller");
  }

  [[nodiscard]] json introspected(const std::string& token, const std::string& client) const {
    return json::parse(server.introspect(token, client).body);
  }
  /// Whether the text stands anywhere in the database's files.
  [[nodiscard]] bool is_on_disk(const std::string& text) const {
    for (const auto& entry : fs::directory_iterator(server.directory())) {
      if (!entry.path().filename().string().starts_with("grantd.db")) continue;
      if (read_text(entry.path()).find(text) != std::string::npos) return true;
    }
    return false;
  }

  TestServer server{options()};
  std::string handle;
};

TEST_F(ReferenceToken, IsAPrefixThatScannersFindAnd256RandomBits) {
  EXPECT_EQ(handle.size(), 47U);
  EXPECT_TRUE(handle.starts_with("gdt_"));
  EXPECT_EQ(jose::base64url_decode(handle.substr(4)).value().size(), 32U);
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) seen.insert(server.token_for("caller"));
  EXPECT_EQ(seen.size(), 50U);
}

TEST_F(ReferenceToken, IsAnsweredLikeAnyToken) {
  const auto body = json::parse(server.token("caller").body);
  EXPECT_EQ(body.at("token_type"), "Bearer");
  EXPECT_EQ(body.at("expires_in"), 300);
  EXPECT_EQ(body.at("scope"), "api:read api:write");
  EXPECT_EQ(body.size(), 4U);
}

TEST_F(ReferenceToken, AResourceServerLearnsWhatAJwtWouldHaveSaid) {  // R132
  const auto claims = introspected(handle, "gateway");
  EXPECT_EQ(claims.at("active"), true);
  EXPECT_EQ(claims.at("iss"), "https://auth.example.com");
  EXPECT_EQ(claims.at("sub"), "caller");
  EXPECT_EQ(claims.at("client_id"), "caller");
  EXPECT_EQ(claims.at("aud"), gateway_uri);
  EXPECT_EQ(claims.at("scope"), "api:read api:write");
  EXPECT_EQ(claims.at("tenant"), "eu");
  EXPECT_EQ(claims.at("token_type"), "Bearer");
  EXPECT_EQ(claims.at("exp").get<int>() - claims.at("iat").get<int>(), 300);
  EXPECT_TRUE(claims.contains("jti"));
}

TEST_F(ReferenceToken, ItsHolderLearnsNoMoreThanItWasTold) {
  auto claims = introspected(handle, "caller");
  for (const auto* name : {"iat", "exp"}) EXPECT_EQ(claims.erase(name), 1U);
  EXPECT_EQ(claims, json({{"active", true},
                          {"client_id", "caller"},
                          {"scope", "api:read api:write"},
                          {"token_type", "Bearer"}}));
}

TEST_F(ReferenceToken, AnybodyElseLearnsNothing) {  // R135
  EXPECT_EQ(server.introspect(handle, "outsider").body, inactive);
  EXPECT_EQ(server.introspect(handle, "api").body, inactive);
}

TEST_F(ReferenceToken, AnythingThatIsNoHandleOfOursIsInactive) {  // R133
  auto other = handle;
  other[10] = other[10] == 'A' ? 'B' : 'A';
  for (const auto& token : {other, handle + "A", handle.substr(0, 46), std::string("gdt_"),
                            "GDT_" + handle.substr(4), handle.substr(4), " " + handle}) {
    EXPECT_EQ(server.introspect(token, "gateway").body, inactive) << token;
    EXPECT_EQ(server.revoke(token, "caller").status, 200) << token;  // R128
  }
  EXPECT_TRUE(server.is_active(handle, "gateway"));
}

TEST_F(ReferenceToken, IsRevokedByItsClientAtOnce) {  // R127, R129
  EXPECT_EQ(error_of(server.revoke(handle, "outsider")), "400 unauthorized_client");
  EXPECT_TRUE(server.is_active(handle, "gateway"));
  EXPECT_EQ(server.revoke(handle, "caller").status, 200);
  EXPECT_EQ(server.introspect(handle, "gateway").body, inactive);
  EXPECT_EQ(server.introspect(handle, "caller").body, inactive);
  EXPECT_EQ(server.revoke(handle, "caller").status, 200);  // R131
}

TEST_F(ReferenceToken, IsRevokedWithItsClient) {
  if (clock_can_be_turned) {
    // The turned clock runs on from where each process began: a command's is behind the server's.
    const auto issued = introspected(handle, "gateway").at("iat").get<std::int64_t>();
    server.turn_clock(sys_seconds(std::chrono::seconds(issued + 60)));
  }
  ASSERT_EQ(server.command({"token", "revoke", "--client", "caller"}).status, 0);
  EXPECT_TRUE(TestServer::eventually(
      [&] { return server.introspect(handle, "gateway").body == inactive; }));
}

TEST_F(ReferenceToken, ExpiryIsExact) {  // R133
  if (!clock_can_be_turned) GTEST_SKIP() << "no libfaketime under a sanitizer";
  const auto expires = sys_seconds(
      std::chrono::seconds(introspected(handle, "gateway").at("exp").get<std::int64_t>()));
  server.turn_clock(expires - std::chrono::seconds(30));
  EXPECT_TRUE(server.is_active(handle, "gateway"));
  server.turn_clock(expires);
  EXPECT_EQ(server.introspect(handle, "gateway").body, inactive);
  EXPECT_EQ(server.revoke(handle, "caller").status, 200);
}

TEST_F(ReferenceToken, IsSweptOnceItHasExpired) {
  if (!clock_can_be_turned) GTEST_SKIP() << "no libfaketime under a sanitizer";
  const auto reason = [&] {
    return server.command_json({"token", "inspect", handle}).at("reason").get<std::string>();
  };
  server.stop();
  server.turn_clock(floor_seconds(std::chrono::system_clock::now()) + std::chrono::minutes(6));
  EXPECT_EQ(reason(), "expired");
  server.start();  // sweeps at its start, then once a minute
  EXPECT_TRUE(TestServer::eventually([&] { return reason() == "unknown_handle"; }));
}

TEST_F(ReferenceToken, ItsHandleStandsNowhereOnDisk) {
  const auto claims = introspected(handle, "gateway");
  EXPECT_TRUE(is_on_disk(claims.at("jti"))) << "the test looks in the right place";
  EXPECT_FALSE(is_on_disk(handle));
  EXPECT_FALSE(is_on_disk(handle.substr(4)));
  EXPECT_FALSE(is_on_disk(jose::base64url_decode(handle.substr(4)).value()));
}

TEST_F(ReferenceToken, OutlivesARestart) {
  server.stop();
  server.start();
  EXPECT_TRUE(server.is_active(handle, "gateway"));
}

TEST_F(ReferenceToken, WhatWasHandedOutSurvivesKillNine) {
  std::vector<std::string> handles;
  std::jthread requests([&] {
    try {
      for (;;) handles.push_back(server.token_for("caller"));
    } catch (const std::exception&) {  // the server is gone
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  server.kill();
  requests.join();
  server.start();
  EXPECT_GT(handles.size(), 10U);
  for (const auto& each : handles) EXPECT_TRUE(server.is_active(each, "gateway"));
}

TEST_F(ReferenceToken, AClientCanHaveThemForEveryAudience) {
  server.add_client("browser", {"--audience", api, "--token-format", "opaque"});
  const auto token = server.token_for("browser");
  EXPECT_TRUE(token.starts_with("gdt_"));
  EXPECT_EQ(introspected(token, "api").at("sub"), "browser");
}

TEST_F(ReferenceToken, IsToldOfInASignedAnswerToo) {  // R136
  const auto response = server.post("/introspect", "token=" + handle, "gateway",
                                    {{"Accept", "application/token-introspection+jwt"}});
  ASSERT_TRUE(verifies(response.body, server.jwks()));
  EXPECT_EQ(decode(response.body).claims.at("token_introspection"),
            introspected(handle, "gateway"));
}

class ReferenceTokenExchange : public ReferenceToken {};

TEST_F(ReferenceTokenExchange, AGatewayTradesAHandleForAJwt) {  // R138
  const auto response = exchange(server, "gateway", handle, "&scope=api:read");
  ASSERT_EQ(response.status, 200) << response.body;
  const std::string token = json::parse(response.body).at("access_token");
  EXPECT_TRUE(verifies(token, server.jwks()));
  const auto claims = decode(token).claims;
  EXPECT_EQ(claims.at("sub"), "caller");
  EXPECT_EQ(claims.at("aud"), api);
  EXPECT_EQ(claims.at("scope"), "api:read");
  EXPECT_EQ(claims.at("act"), json({{"sub", "gateway"}}));
  EXPECT_EQ(claims.at("root_jti"), introspected(handle, "gateway").at("jti"));
}

TEST_F(ReferenceTokenExchange, RevokingTheHandleRevokesWhatItWasTradedFor) {  // R140a
  const auto token = exchanged(server, "gateway", handle);
  EXPECT_TRUE(server.is_active(token, "api"));
  ASSERT_EQ(server.revoke(handle, "caller").status, 200);
  EXPECT_FALSE(server.is_active(token, "api"));
  EXPECT_EQ(error_of(exchange(server, "gateway", handle)), "400 invalid_request");
}

TEST_F(ReferenceTokenExchange, OnlyWhoServesItsAudienceMayTradeIt) {  // R140a
  server.add_client("thief", {"--serves", profiles, "--exchange-audience", api});
  EXPECT_EQ(error_of(exchange(server, "thief", handle)), "400 invalid_request");
}

TEST_F(ReferenceTokenExchange, AHandleIsNoJwtWhateverTheRequestSays) {  // R139
  EXPECT_EQ(error_of(exchange(server, "gateway", handle, {}, "jwt")), "400 invalid_request");
  server.add_client(
      "inward", {"--serves", gateway_uri, "--exchange-audience", api, "--token-format", "opaque"});
  const auto wanted = "&requested_token_type=" + type_of_token + "jwt";
  EXPECT_EQ(error_of(exchange(server, "inward", handle, wanted)), "400 invalid_request");
  EXPECT_TRUE(exchanged(server, "inward", handle).starts_with("gdt_"));
}

TEST_F(ReferenceTokenExchange, AHandleCanBeTheActorToken) {  // R140
  server.add_client("acting", {"--serves", gateway_uri, "--audience", api, "--exchange-audience",
                               api, "--token-format", "opaque"});
  const auto actor = server.token_for("acting");
  const auto more = "&actor_token=" + actor + "&actor_token_type=" + type_of_token + "access_token";
  const auto derived = exchanged(server, "acting", handle, more);
  EXPECT_EQ(introspected(derived, "api").at("act"), json({{"sub", "acting"}}));
}

class ReferenceTokenCommand : public ReferenceToken {};

TEST_F(ReferenceTokenCommand, InspectSaysWhatAHandleStandsFor) {
  auto shown = server.command_json({"token", "inspect", handle});
  EXPECT_EQ(shown.at("active"), true);
  EXPECT_EQ(shown.at("format"), "opaque");
  EXPECT_EQ(shown.at("claims").at("sub"), "caller");
  EXPECT_FALSE(shown.contains("signature"));

  ASSERT_EQ(server.revoke(handle, "caller").status, 200);
  shown = server.command_json({"token", "inspect", handle});
  EXPECT_EQ(shown.at("active"), false);
  EXPECT_EQ(shown.at("reason"), "revoked");

  auto unknown = handle;
  unknown[10] = unknown[10] == 'A' ? 'B' : 'A';
  shown = server.command_json({"token", "inspect", unknown});
  EXPECT_EQ(shown.at("reason"), "unknown_handle");
  EXPECT_FALSE(shown.contains("claims"));
}

TEST_F(ReferenceTokenCommand, RevokeTakesAHandle) {
  const auto done = server.command_json({"token", "revoke", handle});
  EXPECT_EQ(done.at("revoked"), true);
  EXPECT_TRUE(TestServer::eventually(
      [&] { return server.introspect(handle, "gateway").body == inactive; }));
  auto unknown = handle;
  unknown[10] = unknown[10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(server.command({"token", "revoke", unknown}).status, 1);
}

class ReferenceTokenWithStorageAway : public ReferenceToken {
 protected:
  ReferenceTokenWithStorageAway() {
    static_cast<void>(server.introspect(handle, "gateway"));  // all clients are cached now
    server.add_client("plain");
    jwt = server.token_for("plain");
    fs::rename(database, away);
  }
  void TearDown() override { fs::rename(away, database); }

  const fs::path database = server.directory() / "grantd.db";
  const fs::path away = server.directory() / "away.db";
  std::string jwt;
};

TEST_F(ReferenceTokenWithStorageAway, NothingIsHandedOutThatIsNotStored) {
  const auto refused = server.token("caller");
  EXPECT_EQ(error_of(refused), "503 temporarily_unavailable");
  EXPECT_TRUE(refused.has_header("Retry-After"));
}

TEST_F(ReferenceTokenWithStorageAway, AHandleIsNeitherActiveNorInactive) {
  EXPECT_EQ(error_of(server.introspect(handle, "gateway")), "503 temporarily_unavailable");
  EXPECT_EQ(error_of(server.revoke(handle, "caller")), "503 temporarily_unavailable");
  EXPECT_EQ(error_of(exchange(server, "gateway", handle)), "503 temporarily_unavailable");
}

TEST_F(ReferenceTokenWithStorageAway, AJwtTouchesNoDisk) {
  EXPECT_TRUE(server.is_active(jwt, "plain"));
  EXPECT_EQ(server.token("plain").status, 200);
}

}  // namespace
}  // namespace grantd::testing
