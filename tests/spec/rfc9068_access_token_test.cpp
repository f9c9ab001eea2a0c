// RFC 9068 access tokens, RFC 8725; R56 to R67.
#include <gtest/gtest.h>

#include <csignal>
#include <regex>

#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

class Rfc9068AccessToken : public ::testing::Test {
 protected:
  Rfc9068AccessToken() {
    server.add_client("c1");
    server.add_client("unscoped", {"--audience", api});
    server.add_client("brief", {"--audience", api, "--token-lifetime", "7s"});
  }
  TestServer server{{.config = {{"tokens", {{"lifetime", "5m"}, {"max_lifetime", "10m"}}},
                                {"audiences", {{"https://old.example.com", {{"typ", "JWT"}}}}}}}};
};

TEST_F(Rfc9068AccessToken, HeaderIsRs256WithAKidOfTheJwksAndAtJwt) {  // R56, R64, R72
  const auto token = decode(server.token_for("c1"));
  EXPECT_EQ(token.header.size(), 3U);
  EXPECT_EQ(token.header.at("alg"), "RS256");
  EXPECT_EQ(token.header.at("typ"), "at+jwt");
  EXPECT_EQ(token.header.at("kid"), server.jwks().at("keys").at(0).at("kid"));
}

TEST_F(Rfc9068AccessToken, ClaimsAreThoseOfTheContract) {  // R57 to R61, R63, R65
  const auto claims = decode(server.token_for("c1")).claims;
  const auto metadata = json::parse(server.get("/.well-known/oauth-authorization-server").body);
  EXPECT_EQ(claims.at("iss"), metadata.at("issuer"));
  EXPECT_EQ(claims.at("sub"), "c1");
  EXPECT_EQ(claims.at("client_id"), "c1");
  EXPECT_EQ(claims.at("aud"), api);
  EXPECT_EQ(claims.at("scope"), "api:read api:write");
  EXPECT_EQ(claims.at("exp").get<int>() - claims.at("iat").get<int>(), 300);
  EXPECT_TRUE(std::regex_match(claims.at("jti").get<std::string>(), std::regex("[0-9a-f]{32}")));
  EXPECT_EQ(claims.size(), 8U) << "nothing else, no nbf: " << claims;
}

TEST_F(Rfc9068AccessToken, AClientWithoutScopesGetsNoScopeClaim) {
  EXPECT_FALSE(decode(server.token_for("unscoped")).claims.contains("scope"));
}

TEST_F(Rfc9068AccessToken, VerifiesByKidAndAFlippedBitFails) {  // R62
  auto token = server.token_for("c1");
  const auto jwks = server.jwks();
  EXPECT_TRUE(verifies(token, jwks));
  auto& octet = token[token.rfind('.') + 10];
  octet = octet == 'A' ? 'B' : 'A';
  EXPECT_FALSE(verifies(token, jwks));
}

TEST_F(Rfc9068AccessToken, TheLifetimeIsTheClientsOwnAndNeverAboveTheLargest) {  // R67
  EXPECT_EQ(json::parse(server.token("brief").body).at("expires_in"), 7);
  const auto refused =
      server.command({"client", "create", "long", "--audience", api, "--token-lifetime", "11m"});
  EXPECT_EQ(refused.status, 2);
  // A client that was registered under a greater bound is cut to the one in force.
  server.add_client("long", {"--audience", api, "--token-lifetime", "10m"});
  auto config = server.config();
  config["tokens"] = {{"lifetime", "1m"}, {"max_lifetime", "2m"}};
  server.write_config(config);
  server.signal(SIGHUP);
  EXPECT_TRUE(TestServer::eventually(
      [&] { return json::parse(server.token("long").body).at("expires_in") == 120; }));
}

TEST_F(Rfc9068AccessToken, AnAudienceMayAskForPlainJwt) {
  server.add_client("old", {"--audience", "https://old.example.com"});
  EXPECT_EQ(decode(server.token_for("old")).header.at("typ"), "JWT");
}

}  // namespace
}  // namespace grantd::testing
