// RFC 8693 §2.1 with subject tokens of foreign issuers; R100, R140.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/support/exchange.h"
#include "tests/support/foreign_issuer.h"

namespace grantd::testing {
namespace {

class Rfc8693ForeignSubject : public ::testing::Test {
 protected:
  Rfc8693ForeignSubject() {
    idp.write_jwks(server.directory() / "idp.json");
    auto config = server.config();
    config["exchange"]["issuers"][ForeignIssuer::issuer] = {{"jwks_file", "idp.json"},
                                                            {"subject_prefix", "idp|"}};
    server.write_config(config);
    server.start();
    server.add_client("gateway", {"--serves", users, "--exchange-audience", profiles,
                                  "--exchange-issuer", ForeignIssuer::issuer});
    server.add_client("profile-service", {"--serves", profiles, "--exchange-audience", audit});
    server.add_client("audit-service", {"--serves", audit});
  }

  static json claims(const json& more = json::object()) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())
                         .time_since_epoch()
                         .count();
    json all = {{"iss", ForeignIssuer::issuer},
                {"sub", "alice"},
                {"aud", users},
                {"iat", now},
                {"exp", now + 60},
                {"jti", "idp-token-1"},
                {"scope", "profiles:read x"},
                {"email", "a@example.com"}};
    all.merge_patch(more);
    return all;
  }

  TestServer server{{.start = false}};
  ForeignIssuer idp;
};

TEST_F(Rfc8693ForeignSubject, WhatIsNotRightIsRefusedAndTheLogSaysWhy) {
  const std::int64_t now = claims().at("iat");
  const std::vector<std::pair<std::string, std::string>> wrong{
      {idp.sign(claims({{"exp", now}})), "subject_token_expired"},
      {idp.sign(claims({{"exp", nullptr}})), "subject_token_missing_or_mistyped_claim"},
      {idp.sign(claims({{"exp", "soon"}})), "subject_token_missing_or_mistyped_claim"},
      {idp.sign(claims({{"nbf", now + 3600}})), "subject_token_not_valid_yet"},
      {idp.sign(claims({{"iat", now + 3600}})), "subject_token_not_valid_yet"},
      {idp.sign(claims({{"iss", "https://else.example.com"}})), "subject_token_issuer_not_trusted"},
      {idp.sign(claims({{"aud", audit}})), "subject_token_outside_audience"},
      {idp.sign(claims({{"sub", nullptr}})), "subject_token_missing_or_mistyped_claim"},
      {idp.sign(claims(), {{"kid", "idp-2"}}), "subject_token_unknown_kid"},
      {idp.sign(claims(), {{"kid", "idp-enc"}}), "subject_token_unknown_kid"},
      {idp.sign(claims(), {{"typ", "txntoken+jwt"}}), "subject_token_wrong_typ"},
      {idp.sign(claims(), {{"typ", "logout+jwt"}}), "subject_token_wrong_typ"},
      {idp.sign(claims()).substr(0, 200), "subject_token_not_three_parts"},
  };
  for (const auto& [token, why] : wrong) {
    EXPECT_EQ(error_of(exchange(server, "gateway", token)), "400 invalid_request") << why;
    EXPECT_TRUE(server.last_request_logs("reason", why)) << why;
  }
}

TEST_F(Rfc8693ForeignSubject, KeysInTheTokensHeaderAreNeverLookedAt) {  // R100
  const auto jwk = json::parse(test_key(2)->public_key()->jwk());
  const auto header = jose::base64url(
      json({{"alg", "RS256"}, {"typ", "JWT"}, {"kid", ForeignIssuer::kid}, {"jwk", jwk}}).dump());
  const auto input = header + "." + jose::base64url(claims().dump());
  const auto token = input + "." + jose::base64url(test_key(2)->sign_rs256(input));
  EXPECT_EQ(error_of(exchange(server, "gateway", token)), "400 invalid_request");
}

TEST_F(Rfc8693ForeignSubject, ClientMustHaveRegisteredTheIssuer) {
  server.add_client("other", {"--serves", users, "--exchange-audience", profiles});
  EXPECT_EQ(error_of(exchange(server, "other", idp.sign(claims()))), "400 invalid_request");
  EXPECT_TRUE(server.last_request_logs("reason", "subject_token_issuer_not_trusted"));
}

TEST_F(Rfc8693ForeignSubject, BecomesATokenOfOursThatCannotPassForAClient) {
  const auto token =
      exchanged(server, "gateway", idp.sign(claims({{"sub", "gateway"}})), "&scope=profiles:read");
  const auto ours = decode(token).claims;
  EXPECT_EQ(ours.at("iss"), "https://auth.example.com");
  EXPECT_EQ(ours.at("sub"), "idp|gateway");
  EXPECT_EQ(ours.at("client_id"), "gateway");
  EXPECT_EQ(ours.at("act"), json({{"sub", "gateway"}}));
  EXPECT_EQ(ours.at("scope"), "profiles:read");
  EXPECT_FALSE(ours.contains("email"));
  EXPECT_LE(ours.at("exp").get<std::int64_t>(), claims().at("exp").get<std::int64_t>());
  EXPECT_EQ(ours.at("root_jti").get<std::string>().size(), 32U);
}

TEST_F(Rfc8693ForeignSubject, ForeignActorsAreMarkedWithTheirIssuer) {
  const auto token =
      exchanged(server, "gateway", idp.sign(claims({{"act", {{"sub", "gateway"}}}})));
  EXPECT_EQ(
      decode(token).claims.at("act"),
      json({{"sub", "gateway"}, {"act", {{"sub", "gateway"}, {"iss", ForeignIssuer::issuer}}}}));
}

TEST_F(Rfc8693ForeignSubject, RevokingItByItsNameEndsAllThatCameOfIt) {
  const auto foreign = idp.sign(claims());
  const auto first = exchanged(server, "gateway", foreign);
  const auto second = exchanged(server, "profile-service", first);
  const std::string root = decode(second).claims.at("root_jti");
  EXPECT_EQ(root, decode(first).claims.at("root_jti").get<std::string>());
  server.command_json({"token", "revoke", root});
  EXPECT_TRUE(server.eventually([&] { return !server.is_active(second, "audit-service"); }));
  EXPECT_EQ(error_of(exchange(server, "gateway", foreign)), "400 invalid_request");
}

TEST_F(Rfc8693ForeignSubject, ItsKeysAreReadAnewAtAReloadAllOrNothing) {
  write_text(server.directory() / "idp.json", R"({"keys": []})", 0644);
  server.signal(SIGHUP);
  EXPECT_TRUE(server.eventually([&] { return !server.log_lines("reload_failed").empty(); }));
  EXPECT_EQ(exchange(server, "gateway", idp.sign(claims())).status, 200);
  const auto check = server.command({"config", "check"});
  EXPECT_EQ(check.status, 2);
  EXPECT_NE(check.err.find("exchange.issuers"), std::string::npos) << check.err;
}

}  // namespace
}  // namespace grantd::testing
