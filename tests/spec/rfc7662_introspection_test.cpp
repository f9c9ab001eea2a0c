// RFC 7662; R127, R132 to R135.
#include <gtest/gtest.h>

#include "server/jose/base64url.h"
#include "tests/support/test_keys.h"
#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

const std::string inactive = R"({"active":false})";

class Rfc7662Introspection : public ::testing::Test {
 protected:
  Rfc7662Introspection() {
    server.add_client("billing");
    server.add_client("gateway", {"--audience", api, "--serves", api});
    server.add_client("outsider", {"--audience", api, "--serves", "https://other.example.com"});
  }
  TestServer server{{.turnable_clock = true}};
};

TEST_F(Rfc7662Introspection, WithoutAClientIs401) {  // R134
  const auto response = server.post("/introspect", "token=x");
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(json::parse(response.body).at("error"), "invalid_client");
}

TEST_F(Rfc7662Introspection, AnAccessTokenIsNoCredential) {  // R134
  const auto response = server.post("/introspect", "token=x", {},
                                    {{"Authorization", "Bearer " + server.token_for("billing")}});
  EXPECT_EQ(response.status, 401);
}

TEST_F(Rfc7662Introspection, WithoutATokenIsInvalidRequest) {
  EXPECT_EQ(server.post("/introspect", "", "gateway").status, 400);
  EXPECT_EQ(server.post("/introspect", "token=", "gateway").status, 400);
  EXPECT_EQ(server.post("/introspect", "token=a&token=b", "gateway").status, 400);
}

TEST_F(Rfc7662Introspection, AnythingThatIsNoLiveTokenIsExactlyInactive) {  // R133
  const auto good = server.token_for("billing");
  auto tampered = good;
  auto& octet = tampered[good.find('.') + 20];
  octet = octet == 'A' ? 'B' : 'A';
  const auto none = jose::base64url(R"({"alg":"none","typ":"at+jwt"})") +
                    good.substr(good.find('.'), good.rfind('.') - good.find('.') + 1);
  for (const auto& token : {std::string("garbage"), std::string("a.b.c"), tampered, none,
                            good + ".x", "x" + good, good.substr(0, good.size() - 4)}) {
    const auto response = server.introspect(token, "gateway");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, inactive) << token;
  }
}

TEST_F(Rfc7662Introspection, AForeignKeyInTheHeaderIsNotLookedAt) {  // R64, R100
  const auto& key = test_key(0);
  const auto claims = decode(server.token_for("billing")).claims;
  const json header{{"alg", "RS256"},
                    {"typ", "at+jwt"},
                    {"kid", server.jwks().at("keys").at(0).at("kid")},
                    {"jwk", json::parse(key->public_key()->jwk())}};
  const auto input = jose::base64url(header.dump()) + "." + jose::base64url(claims.dump());
  const auto forged = input + "." + jose::base64url(key->sign_rs256(input));
  EXPECT_EQ(server.introspect(forged, "gateway").body, inactive);
}

TEST_F(Rfc7662Introspection, AnActiveTokenIsShownWithItsClaims) {  // R132
  const auto token = server.token_for("billing");
  const auto response = server.introspect(token, "gateway");
  EXPECT_EQ(response.header("Cache-Control"), "no-store");
  auto expected = decode(token).claims;
  expected["active"] = true;
  expected["token_type"] = "Bearer";
  EXPECT_EQ(json::parse(response.body), expected);
}

TEST_F(Rfc7662Introspection, OnlyTheClientItselfAndItsResourceServersSeeIt) {  // R135
  const auto token = server.token_for("billing");
  EXPECT_TRUE(server.is_active(token, "billing"));
  EXPECT_TRUE(server.is_active(token, "gateway"));
  EXPECT_EQ(server.introspect(token, "outsider").body, inactive);
}

TEST_F(Rfc7662Introspection, ExpiryIsExact) {  // R133
  if (!clock_can_be_turned) GTEST_SKIP() << "no libfaketime under a sanitizer";
  const auto token = server.token_for("billing");
  const auto expires =
      sys_seconds(std::chrono::seconds(decode(token).claims.at("exp").get<std::int64_t>()));
  server.turn_clock(expires - std::chrono::seconds(30));
  EXPECT_TRUE(server.is_active(token, "gateway"));
  server.turn_clock(expires);
  EXPECT_EQ(server.introspect(token, "gateway").body, inactive);
}

}  // namespace
}  // namespace grantd::testing
