// RFC 8414; R77 to R85, R87.
#include <gtest/gtest.h>

#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

const std::string well_known = "/.well-known/oauth-authorization-server";

TEST(Rfc8414Metadata, AdvertisesExactlyWhatIsThere) {  // R77, R80, R81, R82, R83, R84, R85
  const TestServer server;
  const auto response = server.get(well_known);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Type"), "application/json");
  const json methods{"client_secret_basic", "client_secret_post"};
  EXPECT_EQ(json::parse(response.body),
            json({{"issuer", "https://auth.example.com"},
                  {"token_endpoint", "https://auth.example.com/token"},
                  {"jwks_uri", "https://auth.example.com/.well-known/jwks.json"},
                  {"introspection_endpoint", "https://auth.example.com/introspect"},
                  {"revocation_endpoint", "https://auth.example.com/revoke"},
                  {"grant_types_supported",
                   {"client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"}},
                  {"token_endpoint_auth_methods_supported", methods},
                  {"introspection_endpoint_auth_methods_supported", methods},
                  {"revocation_endpoint_auth_methods_supported", methods},
                  {"introspection_signing_alg_values_supported", {"RS256"}},
                  {"revocation_feed_endpoint", "https://auth.example.com/revocations"}}));
}

TEST(Rfc8414Metadata, AnIssuersPathIsASuffixOfTheWellKnownPath) {  // R78
  TestServer server{{.config = {{"issuer", "https://auth.example.com/tenant/"}}}};
  server.add_client("c1");
  const auto metadata = json::parse(server.get(well_known + "/tenant").body);
  EXPECT_EQ(metadata.at("issuer"), "https://auth.example.com/tenant/");
  EXPECT_EQ(metadata.at("token_endpoint"), "https://auth.example.com/tenant/token");
  EXPECT_EQ(server.get(well_known).status, 404);
  EXPECT_EQ(server.get("/tenant/.well-known/jwks.json").status, 200);
  EXPECT_EQ(server.token("c1").status, 404);
  const auto token = server.post("/tenant/token", client_credentials, "c1");
  ASSERT_EQ(token.status, 200);
  EXPECT_EQ(decode(json::parse(token.body).at("access_token")).claims.at("iss"),
            metadata.at("issuer"));
}

TEST(Rfc8414Metadata, AnIssuerWithoutHttpsOrWithAQueryIsRefused) {  // R79
  for (const auto* issuer : {"http://auth.example.com", "https://auth.example.com?x=y",
                             "https://auth.example.com#x", "auth.example.com"}) {
    TestServer server{{.start = false}};
    auto config = server.config();
    config["issuer"] = issuer;
    server.write_config(config);
    EXPECT_EQ(server.command({"config", "check"}).status, 2) << issuer;
  }
}

TEST(Rfc8414Metadata, MayBeCachedAndRevalidated) {  // R12
  const TestServer server;
  const auto first = server.get(well_known);
  EXPECT_EQ(server.get(well_known, {{"If-None-Match", first.header("ETag")}}).status, 304);
  EXPECT_EQ(server.connect().request("POST", well_known, {}, "x").status, 405);
}

TEST(Rfc8414Metadata, OpenIdConfigurationIsNotThere) {  // R87
  const TestServer server;
  EXPECT_EQ(server.get("/.well-known/openid-configuration").status, 404);
}

}  // namespace
}  // namespace grantd::testing
