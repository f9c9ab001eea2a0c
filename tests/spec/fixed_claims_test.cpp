// Fixed extra claims and the size of a token (RFC 9068 §2.2.3, interface.md "Tokens").
#include <gtest/gtest.h>

#include "tests/support/exchange.h"

namespace grantd::testing {
namespace {

class FixedClaims : public ::testing::Test {
 protected:
  TestServer server{{.config = {{"audiences",
                                 {{api, {{"claims", {{"tenant", "eu"}, {"tier", 1}}}}},
                                  {profiles, {{"claims", {{"tenant", "us"}}}}}}}}}};
};

TEST_F(FixedClaims, ComeFromTheAudienceAndTheClientWhoseOwnCountsMore) {
  server.add_client("c1",
                    {"--audience", api, "--claim", "tier=2", "--claim", R"(roles=["a","b"])"});
  const auto claims = decode(server.token_for("c1")).claims;
  EXPECT_EQ(claims.at("tenant"), "eu");
  EXPECT_EQ(claims.at("tier"), 2);
  EXPECT_EQ(claims.at("roles"), json({"a", "b"}));
}

TEST_F(FixedClaims, AreTakenBackByCommand) {
  server.add_client("c1", {"--audience", api, "--claim", "tier=2"});
  EXPECT_EQ(server.command_json({"client", "show", "c1"}).at("claims"), json({{"tier", 2}}));
  server.command_json({"client", "update", "c1", "--no-claim"});
  EXPECT_TRUE(
      server.eventually([&] { return decode(server.token_for("c1")).claims.at("tier") == 1; }));
}

TEST_F(FixedClaims, OfAudiencesThatDisagreeAreInvalidTarget) {
  server.add_client("c1", {"--audience", api, "--audience", profiles});
  EXPECT_EQ(error_of(server.token("c1", "&resource=" + api + "&resource=" + profiles)),
            "400 invalid_target");
}

TEST_F(FixedClaims, ThatGrantdSetsItselfAreRefused) {
  for (const auto* claim : {"exp=1", "sub=\"x\"", "act={}", "a b=1", "x", "x=y", "=1"}) {
    EXPECT_EQ(server.command({"client", "create", "c1", "--claim", claim}).status, 2) << claim;
  }
}

TEST_F(FixedClaims, ThatOurOwnReaderCouldNotTakeAreRefused) {
  for (const auto& value : {std::string(17, '[') + std::string(17, ']'),
                            std::string(R"({"a":1,"a":2})"), std::string(R"(1,"x":2)")}) {
    EXPECT_EQ(server.command({"client", "create", "c1", "--claim", "x=" + value}).status, 2)
        << value;
  }
}

TEST_F(FixedClaims, AreIntrospectedToo) {
  server.add_client("c1", {"--audience", api});
  const auto answer = json::parse(server.introspect(server.token_for("c1"), "c1").body);
  EXPECT_EQ(answer.at("tenant"), "eu");
}

TEST(TokenSize, AboveTheLimitATokenIsNotIssuedAndALargeOneIsLogged) {
  TestServer server{{.config = {{"tokens", {{"warn_size", "1KiB"}, {"max_size", "2KiB"}}}}}};
  const auto claim = "x=\"" + std::string(800, 'y') + "\"";
  server.add_client("large", {"--audience", api, "--claim", claim});
  server.add_client("huge", {"--audience", api, "--claim", claim, "--claim", "z" + claim});
  EXPECT_EQ(server.token("large").status, 200);
  EXPECT_TRUE(server.last_request_logs("reason", "large_token"));
  EXPECT_EQ(error_of(server.token("huge")), "400 invalid_request");
  EXPECT_TRUE(server.last_request_logs("reason", "token_too_large"));
}

TEST(OpenIdConfiguration, IsACompleteDocumentWhereItIsSwitchedOn) {
  const TestServer server{{.config = {{"issuer", "https://auth.example.com/tenant"},
                                      {"metadata", {{"openid_configuration", true}}}}}};
  const auto response = server.get("/tenant/.well-known/openid-configuration");
  ASSERT_EQ(response.status, 200);
  const auto document = json::parse(response.body);
  EXPECT_EQ(document.at("issuer"), "https://auth.example.com/tenant");
  EXPECT_EQ(document.at("jwks_uri"), "https://auth.example.com/tenant/.well-known/jwks.json");
  EXPECT_EQ(document.at("subject_types_supported"), json({"public"}));
  EXPECT_EQ(document.at("id_token_signing_alg_values_supported"), json({"RS256"}));
  EXPECT_TRUE(document.at("response_types_supported").is_array());
  EXPECT_EQ(server
                .get("/tenant/.well-known/openid-configuration",
                     {{"If-None-Match", response.header("ETag")}})
                .status,
            304);
}

}  // namespace
}  // namespace grantd::testing
