// draft-ietf-oauth-transaction-tokens-10; R143.
#include <gtest/gtest.h>

#include "tests/support/exchange.h"

namespace grantd::testing {
namespace {

const std::string trust_domain = "https://trust.example.com";
const std::string txn_token = "&requested_token_type=" + type_of_token + "txn_token";
const std::string for_profiles = "&audience=" + trust_domain + "&scope=profiles:read" + txn_token;

class TransactionToken : public ::testing::Test {
 protected:
  TransactionToken() {
    server.add_client("caller", {"--scope", "users:read profiles:read", "--audience", users});
    server.add_client("gateway", {"--serves", users, "--exchange-audience", trust_domain,
                                  "--exchange-audience", profiles});
    server.add_client("worker", {"--serves", trust_domain, "--exchange-audience", trust_domain,
                                 "--exchange-audience", profiles});
    root = server.token_for("caller");
  }
  TestServer server{
      {.config = {{"transaction_tokens", {{"enabled", true}, {"trust_domain", trust_domain}}}}}};
  std::string root;
};

TEST(TransactionTokenOff, IsNeitherIssuedNorAdvertisedUnlessEnabled) {  // R143
  TestServer server;
  add_chain_of_services(server);
  EXPECT_EQ(error_of(exchange(server, "user-service", server.token_for("caller"), txn_token)),
            "400 invalid_request");
  const auto metadata = json::parse(server.get("/.well-known/oauth-authorization-server").body);
  EXPECT_FALSE(metadata.contains("transaction_tokens"));
}

TEST_F(TransactionToken, IsAdvertisedAsADraft) {
  const auto metadata = json::parse(server.get("/.well-known/oauth-authorization-server").body);
  EXPECT_EQ(metadata.at("transaction_tokens"),
            json({{"specification", "draft-ietf-oauth-transaction-tokens-10"},
                  {"trust_domain", trust_domain}}));
}

TEST_F(TransactionToken, NeedsTheTrustDomainAndAScope) {
  EXPECT_EQ(error_of(exchange(server, "gateway", root,
                              "&audience=" + profiles + "&scope=profiles:read" + txn_token)),
            "400 invalid_target");
  EXPECT_EQ(error_of(exchange(server, "gateway", root,
                              "&audience=" + trust_domain + "&audience=" + profiles +
                                  "&scope=profiles:read" + txn_token)),
            "400 invalid_target");
  EXPECT_EQ(error_of(exchange(server, "gateway", root, "&audience=" + trust_domain + txn_token)),
            "400 invalid_scope");
  EXPECT_EQ(error_of(exchange(server, "gateway", root,
                              "&audience=" + trust_domain + "&scope=admin" + txn_token)),
            "400 invalid_scope");
}

TEST_F(TransactionToken, HasTheClaimsThatTheDraftRequires) {  // R143
  const auto response =
      exchange(server, "gateway", root,
               for_profiles + "&request_details=" + form_encode(R"({"action":"BUY","n":1})") +
                   "&request_context=" + form_encode(R"({"req_ip":"192.0.2.1"})"));
  ASSERT_EQ(response.status, 200) << response.body;
  const auto body = json::parse(response.body);
  EXPECT_EQ(body.at("token_type"), "N_A");
  EXPECT_EQ(body.at("issued_token_type"), type_of_token + "txn_token");
  EXPECT_FALSE(body.contains("refresh_token"));
  const std::string token = body.at("access_token");
  EXPECT_TRUE(verifies(token, server.jwks()));
  const auto decoded = decode(token);
  EXPECT_EQ(decoded.header.at("typ"), "txntoken+jwt");
  const auto& claims = decoded.claims;
  EXPECT_EQ(claims.at("aud"), trust_domain);
  EXPECT_EQ(claims.at("sub"), "caller");
  EXPECT_EQ(claims.at("scope"), "profiles:read");
  EXPECT_EQ(claims.at("req_wl"), "gateway");
  EXPECT_EQ(claims.at("tctx"), json({{"action", "BUY"}, {"n", 1}}));
  EXPECT_EQ(claims.at("rctx"), json({{"req_ip", "192.0.2.1"}}));
  EXPECT_TRUE(claims.at("txn").is_string());
  EXPECT_EQ(claims.at("exp").get<int>() - claims.at("iat").get<int>(), 30);
}

TEST_F(TransactionToken, ContextThatIsNoJsonObjectIsRefused) {
  for (const auto* value : {"[]", "1", "{", "\"x\"", R"({"a":1,"a":2})"}) {
    EXPECT_EQ(error_of(exchange(server, "gateway", root,
                                for_profiles + "&request_details=" + form_encode(value))),
              "400 invalid_request")
        << value;
  }
  EXPECT_EQ(error_of(exchange(server, "gateway", root,
                              for_profiles + "&request_context=" +
                                  form_encode("{\"a\":\"" + std::string(2048, 'x') + "\"}"))),
            "400 invalid_request");
}

TEST_F(TransactionToken, KeepsTxnAndContextThroughTheChain) {  // R143
  const auto first = exchanged(server, "gateway", root,
                               for_profiles + "&request_details=" + form_encode(R"({"n":1})"));
  const auto second =
      json::parse(exchange(server, "worker", first, for_profiles, "txn_token").body);
  ASSERT_TRUE(second.contains("access_token")) << second;
  const auto before = decode(first).claims;
  const auto after = decode(second.at("access_token").get<std::string>()).claims;
  EXPECT_EQ(after.at("txn"), before.at("txn"));
  EXPECT_EQ(after.at("tctx"), before.at("tctx"));
  EXPECT_EQ(after.at("req_wl"), "worker");
  EXPECT_EQ(after.at("root_jti"), decode(root).claims.at("jti"));
  EXPECT_LE(after.at("exp").get<int>(), before.at("exp").get<int>());
  EXPECT_EQ(error_of(exchange(server, "worker", first,
                              for_profiles + "&request_details=" + form_encode(R"({"n":2})"),
                              "txn_token")),
            "400 invalid_request");
}

TEST_F(TransactionToken, IsNoAccessTokenAndNoneCanBeMadeOfIt) {  // R143
  const auto token = exchanged(server, "gateway", root, for_profiles);
  EXPECT_FALSE(server.is_active(token, "worker"));
  EXPECT_EQ(error_of(exchange(server, "worker", token, "&audience=" + trust_domain)),
            "400 invalid_request");
  EXPECT_EQ(error_of(exchange(server, "worker", token, "&audience=" + profiles, "txn_token")),
            "400 invalid_request");
}

TEST_F(TransactionToken, IsRevokedByWhomItWasIssuedTo) {
  const auto token = exchanged(server, "gateway", root, for_profiles);
  ASSERT_EQ(exchange(server, "worker", token, for_profiles, "txn_token").status, 200);
  EXPECT_EQ(error_of(server.revoke(token, "worker")), "400 unauthorized_client");
  EXPECT_EQ(server.revoke(token, "gateway").status, 200);
  EXPECT_EQ(error_of(exchange(server, "worker", token, for_profiles, "txn_token")),
            "400 invalid_request");
}

TEST_F(TransactionToken, ByCommandIsToldAndRevokedAsWell) {
  const auto token = exchanged(server, "gateway", root, for_profiles);
  EXPECT_EQ(server.command_json({"token", "inspect", token}).at("active"), true);
  server.command_json({"token", "revoke", token});
  EXPECT_EQ(server.command_json({"token", "inspect", token}).at("reason"), "revoked");
}

TEST_F(TransactionToken, IsNotGivenToAClientThatMustNotSeeTheContent) {
  server.command_json({"client", "update", "gateway", "--token-format", "opaque"});
  EXPECT_TRUE(server.eventually([&] {
    return error_of(exchange(server, "gateway", root, for_profiles)) == "400 invalid_request";
  }));
}

TEST_F(TransactionToken, RevokedRootEndsIt) {
  const auto token = exchanged(server, "gateway", root, for_profiles);
  ASSERT_EQ(server.revoke(root, "caller").status, 200);
  EXPECT_EQ(error_of(exchange(server, "worker", token, for_profiles, "txn_token")),
            "400 invalid_request");
}

}  // namespace
}  // namespace grantd::testing
