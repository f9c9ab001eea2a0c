// RFC 9701; R136.
#include <gtest/gtest.h>

#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

const std::string signed_type = "application/token-introspection+jwt";
const std::string inactive = R"({"active":false})";

class Rfc9701SignedIntrospection : public ::testing::Test {
 protected:
  Rfc9701SignedIntrospection() {
    server.add_client("billing");
    server.add_client("gateway", {"--audience", api, "--serves", api});
    server.add_client("outsider", {"--audience", api, "--serves", "https://other.example.com"});
  }

  [[nodiscard]] HttpResponse introspect(const std::string& token, const std::string& accept,
                                        const std::string& client = "gateway") const {
    return server.post("/introspect", "token=" + form_encode(token), client, {{"Accept", accept}});
  }

  TestServer server{{}};
};

TEST_F(Rfc9701SignedIntrospection, WhoAsksForItGetsTheAnswerAsASignedJwt) {  // R136
  const auto token = server.token_for("billing");
  const auto response = introspect(token, signed_type);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Type"), signed_type);
  EXPECT_EQ(response.header("Cache-Control"), "no-store");
  EXPECT_TRUE(verifies(response.body, server.jwks()));
  const auto [header, claims] = decode(response.body);
  EXPECT_EQ(header.at("typ"), "token-introspection+jwt");
  EXPECT_EQ(header.at("alg"), "RS256");
  EXPECT_EQ(header.size(), 3U);
  EXPECT_EQ(claims.at("iss"), "https://auth.example.com");
  EXPECT_EQ(claims.at("aud"), "gateway");
  EXPECT_TRUE(claims.at("iat").is_number_unsigned());
  EXPECT_EQ(claims.at("token_introspection"),
            json::parse(server.introspect(token, "gateway").body));
  EXPECT_EQ(claims.at("token_introspection").at("active"), true);
}

TEST_F(Rfc9701SignedIntrospection, ItHasNoClaimsThatWouldMakeItAnAccessToken) {  // R136
  const auto claims = decode(introspect(server.token_for("billing"), signed_type).body).claims;
  EXPECT_EQ(claims.size(), 4U);
  for (const auto* name : {"sub", "exp", "jti", "client_id", "scope"}) {
    EXPECT_FALSE(claims.contains(name)) << name;
  }
}

TEST_F(Rfc9701SignedIntrospection, AnInactiveTokenIsToldOfAsBarelyAsEver) {  // R133, R136
  const auto revoked = server.token_for("billing");
  ASSERT_EQ(server.revoke(revoked, "billing").status, 200);
  for (const auto& token : {std::string("garbage"), revoked}) {
    const auto response = introspect(token, signed_type);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("Content-Type"), signed_type);
    EXPECT_EQ(decode(response.body).claims.at("token_introspection").dump(), inactive);
  }
}

TEST_F(Rfc9701SignedIntrospection, ACallerOutsideTheAudienceLearnsNothingByIt) {  // R135, R136
  const auto response = introspect(server.token_for("billing"), signed_type, "outsider");
  const auto claims = decode(response.body).claims;
  EXPECT_EQ(claims.at("aud"), "outsider");
  EXPECT_EQ(claims.at("token_introspection").dump(), inactive);
}

TEST_F(Rfc9701SignedIntrospection, TheAnswerIsNoToken) {  // R66, R136
  const auto answer = introspect(server.token_for("billing"), signed_type).body;
  EXPECT_EQ(server.introspect(answer, "gateway").body, inactive);
  EXPECT_EQ(server.introspect(answer, "billing").body, inactive);
}

TEST_F(Rfc9701SignedIntrospection, EverybodyElseGetsJson) {  // R132
  const auto token = server.token_for("billing");
  for (const auto* accept : {"application/json", "*/*", "application/*", "text/html", "nonsense",
                             "application/token-introspection+jwt;q=0",
                             "application/token-introspection+jwt;q=0.5, application/json"}) {
    const auto response = introspect(token, accept);
    EXPECT_EQ(response.header("Content-Type"), "application/json") << accept;
    EXPECT_TRUE(json::parse(response.body).at("active").get<bool>()) << accept;
  }
}

TEST_F(Rfc9701SignedIntrospection, AcceptIsReadByItsWeightsAndWithoutCase) {  // R136
  const auto token = server.token_for("billing");
  for (const auto* accept : {"Application/Token-Introspection+JWT",
                             "application/json;q=0.4, application/token-introspection+jwt; q=0.5",
                             "application/token-introspection+jwt, */*;q=0.1"}) {
    EXPECT_EQ(introspect(token, accept).header("Content-Type"), signed_type) << accept;
  }
}

TEST_F(Rfc9701SignedIntrospection, FailuresStayJson) {  // R134
  const auto denied = server.post("/introspect", "token=x", {}, {{"Accept", signed_type}});
  EXPECT_EQ(denied.status, 401);
  EXPECT_EQ(denied.header("Content-Type"), "application/json");
  const auto missing = server.post("/introspect", "", "gateway", {{"Accept", signed_type}});
  EXPECT_EQ(missing.status, 400);
  EXPECT_EQ(json::parse(missing.body).at("error"), "invalid_request");
}

TEST_F(Rfc9701SignedIntrospection, IsAdvertised) {  // R83
  const auto metadata = json::parse(server.get("/.well-known/oauth-authorization-server").body);
  EXPECT_EQ(metadata.at("introspection_signing_alg_values_supported"), json({"RS256"}));
}

}  // namespace
}  // namespace grantd::testing
