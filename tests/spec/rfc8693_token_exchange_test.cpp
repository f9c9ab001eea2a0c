// RFC 8693; R138, R139, R140, R140a.
#include <gtest/gtest.h>

#include "tests/support/exchange.h"

namespace grantd::testing {
namespace {

class Rfc8693TokenExchange : public ::testing::Test {
 protected:
  Rfc8693TokenExchange() {
    add_chain_of_services(server);
    root = server.token_for("caller");
  }

  TestServer server;
  std::string root;
};

TEST_F(Rfc8693TokenExchange, WhatIsMissingOrNotSupportedIsInvalidRequest) {  // R139
  const std::string type = "&subject_token_type=" + type_of_token + "access_token";
  const std::string token = "&subject_token=" + root;
  for (const auto& form : {
           type,
           token,
           "&subject_token=" + type,
           token + "&subject_token_type=" + type_of_token + "refresh_token",
           token + "&subject_token_type=" + type_of_token + "id_token",
           token + type + "&requested_token_type=" + type_of_token + "refresh_token",
           token + type + "&actor_token=" + root,
           token + type + "&actor_token_type=" + type_of_token + "access_token",
           token + type + "&subject_token=" + root,
       }) {
    const auto response = server.post("/token", token_exchange + form, "user-service");
    EXPECT_EQ(error_of(response), "400 invalid_request") << form.substr(0, 60);
  }
}

TEST_F(Rfc8693TokenExchange, ClientWithoutAPolicyMayNotExchange) {
  EXPECT_EQ(error_of(exchange(server, "audit-service", root)), "400 unauthorized_client");
  EXPECT_TRUE(server.last_request_logs("reason", "exchange_not_allowed"));
}

TEST_F(Rfc8693TokenExchange, TokenForAResourceThatTheClientDoesNotServeIsRefused) {  // R140a
  EXPECT_EQ(error_of(exchange(server, "profile-service", root)), "400 invalid_request");
  EXPECT_TRUE(server.last_request_logs("reason", "subject_token_outside_audience"));
}

TEST_F(Rfc8693TokenExchange, UnreadableTamperedAndStrangeSubjectTokensAreRefused) {  // R140
  auto flipped = root;
  flipped[flipped.size() / 2] = flipped[flipped.size() / 2] == 'A' ? 'B' : 'A';
  for (const auto& token :
       {std::string("x"), std::string("a.b.c"), flipped, root + "x",
        root.substr(0, root.rfind('.') + 1), std::string("eyJhbGciOiJub25lIn0.e30.")}) {
    EXPECT_EQ(error_of(exchange(server, "user-service", token)), "400 invalid_request");
  }
}

TEST_F(Rfc8693TokenExchange, UnknownTargetIsInvalidTarget) {  // R140
  for (const auto& target : {audit, std::string("/relative"), users}) {
    EXPECT_EQ(error_of(exchange(server, "user-service", root, "&audience=" + target)),
              "400 invalid_target")
        << target;
  }
  server.add_client(
      "two", {"--serves", users, "--exchange-audience", profiles, "--exchange-audience", audit});
  EXPECT_EQ(error_of(exchange(server, "two", root)), "400 invalid_target");
}

TEST_F(Rfc8693TokenExchange, WiderScopeIsInvalidScope) {  // R140
  EXPECT_EQ(error_of(exchange(server, "user-service", root, "&scope=profiles:write")),
            "400 invalid_scope");
  const auto narrow = server.token_for("caller", "&scope=users:read");
  EXPECT_EQ(error_of(exchange(server, "user-service", narrow, "&scope=profiles:read")),
            "400 invalid_scope");
}

TEST_F(Rfc8693TokenExchange, ScopeBeyondTheClientsPolicyIsInvalidScope) {
  server.add_client("strict", {"--serves", users, "--exchange-audience", profiles,
                               "--exchange-scope", "profiles:read"});
  EXPECT_EQ(error_of(exchange(server, "strict", root, "&scope=users:read")), "400 invalid_scope");
  EXPECT_EQ(decode(exchanged(server, "strict", root)).claims.at("scope"), "profiles:read");
  const auto narrow = server.token_for("caller", "&scope=users:read");
  // Without any scope a verifier could take the token for one that is bound to none.
  EXPECT_EQ(error_of(exchange(server, "strict", narrow)), "400 invalid_scope");
}

TEST_F(Rfc8693TokenExchange, AnswersWithWhatTheRfcNames) {  // R138
  const auto response = exchange(server, "user-service", root, "&scope=profiles:read");
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Cache-Control"), "no-store");
  const auto body = json::parse(response.body);
  EXPECT_EQ(body.at("issued_token_type"), type_of_token + "access_token");
  EXPECT_EQ(body.at("token_type"), "Bearer");
  EXPECT_EQ(body.at("scope"), "profiles:read");
  EXPECT_FALSE(body.contains("refresh_token"));
  EXPECT_TRUE(verifies(body.at("access_token"), server.jwks()));
}

TEST_F(Rfc8693TokenExchange, NewTokenNamesSubjectActorAndRoot) {  // R140
  const auto claims = decode(exchanged(server, "user-service", root)).claims;
  const auto first = decode(root).claims;
  EXPECT_EQ(claims.at("sub"), "caller");
  EXPECT_EQ(claims.at("client_id"), "user-service");
  EXPECT_EQ(claims.at("aud"), profiles);
  EXPECT_EQ(claims.at("scope"), first.at("scope"));
  EXPECT_EQ(claims.at("act"), json({{"sub", "user-service"}}));
  EXPECT_EQ(claims.at("root_jti"), first.at("jti"));
  EXPECT_EQ(claims.at("exchange_depth"), 1);
  EXPECT_NE(claims.at("jti"), first.at("jti"));
}

TEST_F(Rfc8693TokenExchange, ActorsNestAlongTheChainAndTheLogShowsIt) {  // R140
  const auto second = exchanged(server, "user-service", root);
  const auto third = decode(exchanged(server, "profile-service", second)).claims;
  EXPECT_EQ(third.at("sub"), "caller");
  EXPECT_EQ(third.at("act"),
            json({{"sub", "profile-service"}, {"act", {{"sub", "user-service"}}}}));
  EXPECT_EQ(third.at("root_jti"), decode(root).claims.at("jti"));
  EXPECT_EQ(third.at("exchange_depth"), 2);
  EXPECT_TRUE(server.last_request_logs("chain", "caller > user-service > profile-service"));
  EXPECT_TRUE(server.last_request_logs("root_jti", third.at("root_jti")));
}

TEST_F(Rfc8693TokenExchange, NeverOutlivesTheSubjectToken) {
  server.add_client("brief",
                    {"--scope", "profiles:read", "--audience", users, "--token-lifetime", "20s"});
  const auto brief = server.token_for("brief");
  const auto claims = decode(exchanged(server, "user-service", brief)).claims;
  EXPECT_EQ(claims.at("exp"), decode(brief).claims.at("exp"));
}

TEST_F(Rfc8693TokenExchange, RevokedSubjectTokenIsRefused) {  // R140
  ASSERT_EQ(server.revoke(root, "caller").status, 200);
  EXPECT_EQ(error_of(exchange(server, "user-service", root)), "400 invalid_request");
  EXPECT_TRUE(server.last_request_logs("reason", "subject_token_revoked"));
}

TEST_F(Rfc8693TokenExchange, RevokingTheRootRevokesTheWholeChain) {  // R140a
  const auto second = exchanged(server, "user-service", root);
  const auto third = exchanged(server, "profile-service", second);
  ASSERT_TRUE(server.is_active(third, "audit-service"));
  ASSERT_EQ(server.revoke(root, "caller").status, 200);
  EXPECT_FALSE(server.is_active(second, "profile-service"));
  EXPECT_FALSE(server.is_active(third, "audit-service"));
  EXPECT_EQ(error_of(exchange(server, "profile-service", second)), "400 invalid_request");
}

TEST_F(Rfc8693TokenExchange, DisablingTheCallerOrAnActorEndsTheChain) {
  const auto second = exchanged(server, "user-service", root);
  const auto third = exchanged(server, "profile-service", second);
  server.command_json({"client", "disable", "user-service"});
  EXPECT_TRUE(server.eventually([&] { return !server.is_active(third, "audit-service"); }));

  server.add_client("other-caller", {"--scope", "profiles:read", "--audience", profiles});
  const auto fresh = exchanged(server, "profile-service", server.token_for("other-caller"));
  ASSERT_TRUE(server.is_active(fresh, "audit-service"));
  server.command_json({"client", "disable", "other-caller"});
  EXPECT_TRUE(server.eventually([&] { return !server.is_active(fresh, "audit-service"); }));
}

TEST_F(Rfc8693TokenExchange, ChainIsNoLongerThanThePolicyOfWhoExchanges) {
  server.add_client("last",
                    {"--serves", profiles, "--exchange-audience", audit, "--exchange-depth", "1"});
  const auto second = exchanged(server, "user-service", root);
  EXPECT_EQ(error_of(exchange(server, "last", second)), "400 invalid_request");
  EXPECT_TRUE(server.last_request_logs("reason", "chain_too_long"));
}

TEST_F(Rfc8693TokenExchange, ImpersonationNamesNoActorButCountsAndRemembersTheRoot) {
  server.add_client("silent", {"--serves", users, "--exchange-audience", profiles,
                               "--exchange-mode", "impersonation"});
  const auto token = exchanged(server, "silent", root);
  const auto claims = decode(token).claims;
  EXPECT_FALSE(claims.contains("act"));
  EXPECT_EQ(claims.at("sub"), "caller");
  EXPECT_EQ(claims.at("exchange_depth"), 1);
  ASSERT_EQ(server.revoke(root, "caller").status, 200);
  EXPECT_FALSE(server.is_active(token, "profile-service"));
}

TEST_F(Rfc8693TokenExchange, ActorTokenMustBeTheClientsOwn) {
  server.add_client("acting",
                    {"--serves", users, "--exchange-audience", profiles, "--audience", api});
  const auto form = [](const std::string& token) {
    return "&actor_token=" + token + "&actor_token_type=" + type_of_token + "access_token";
  };
  EXPECT_EQ(error_of(exchange(server, "acting", root, form(root))), "400 invalid_request");
  EXPECT_TRUE(server.last_request_logs("reason", "actor_token_of_another_client"));
  const auto own = server.token_for("acting");
  const auto claims = decode(exchanged(server, "acting", root, form(own))).claims;
  EXPECT_EQ(claims.at("act").at("sub"), "acting");
  ASSERT_EQ(server.revoke(own, "acting").status, 200);
  EXPECT_EQ(error_of(exchange(server, "acting", root, form(own))), "400 invalid_request");
}

TEST_F(Rfc8693TokenExchange, ActorTokenThatSpeaksForAnotherIsRefused) {
  // What user-service got by an exchange is issued to it, but its subject is the caller.
  const auto derived = exchanged(server, "user-service", root);
  EXPECT_EQ(error_of(exchange(
                server, "user-service", root,
                "&actor_token=" + derived + "&actor_token_type=" + type_of_token + "access_token")),
            "400 invalid_request");
  EXPECT_TRUE(server.last_request_logs("reason", "actor_token_of_another_subject"));
}

TEST_F(Rfc8693TokenExchange, TokensInTheUriAreRefused) {
  for (const auto* name : {"subject_token", "actor_token"}) {
    const auto response = server.post(std::string("/token?") + name + "=" + root,
                                      token_exchange + "&subject_token=" + root +
                                          "&subject_token_type=" + type_of_token + "access_token",
                                      "user-service");
    EXPECT_EQ(error_of(response), "400 invalid_request") << name;
  }
}

TEST_F(Rfc8693TokenExchange, MayActNamesWhoMayExchange) {  // R140
  server.add_client("particular", {"--scope", "profiles:read", "--audience", users, "--claim",
                                   R"(may_act={"sub":"profile-service"})"});
  EXPECT_EQ(error_of(exchange(server, "user-service", server.token_for("particular"))),
            "400 invalid_request");
  EXPECT_TRUE(server.last_request_logs("reason", "may_act_names_another"));
  server.command_json({"client", "update", "particular", "--claim",
                       R"(may_act={"sub":"user-service","iss":"https://auth.example.com"})"});
  EXPECT_TRUE(server.eventually([&] {
    return exchange(server, "user-service", server.token_for("particular")).status == 200;
  }));
  // Of a member that is not understood nobody knows whether it fits.
  server.command_json({"client", "update", "particular", "--claim",
                       R"(may_act={"sub":"user-service","role":"x"})"});
  EXPECT_TRUE(server.eventually([&] {
    return exchange(server, "user-service", server.token_for("particular")).status == 400;
  }));
}

TEST_F(Rfc8693TokenExchange, DerivedTokenIsIntrospectedWithItsChain) {
  const auto token = exchanged(server, "user-service", root);
  const auto answer = json::parse(server.introspect(token, "profile-service").body);
  EXPECT_EQ(answer.at("active"), true);
  EXPECT_EQ(answer.at("act"), json({{"sub", "user-service"}}));
  EXPECT_EQ(answer.at("root_jti"), decode(root).claims.at("jti"));
}

TEST_F(Rfc8693TokenExchange, GrantIsAdvertised) {
  const auto metadata = json::parse(server.get("/.well-known/oauth-authorization-server").body);
  EXPECT_EQ(metadata.at("grant_types_supported"),
            json({"client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"}));
}

TEST_F(Rfc8693TokenExchange, PolicyIsShownAndTakenBackByCommands) {
  const auto shown = server.command_json({"client", "show", "user-service"});
  EXPECT_EQ(shown.at("exchange"), json({{"audiences", {profiles}},
                                        {"scope", ""},
                                        {"issuers", json::array()},
                                        {"max_depth", 3},
                                        {"mode", "delegation"}}));
  server.command_json({"client", "update", "user-service", "--no-exchange"});
  EXPECT_TRUE(server.eventually([&] {
    return error_of(exchange(server, "user-service", root)) == "400 unauthorized_client";
  }));
  EXPECT_EQ(server.command({"client", "update", "user-service", "--exchange-depth", "17"}).status,
            2);
  EXPECT_EQ(server.command({"client", "update", "user-service", "--exchange-mode", "both"}).status,
            2);
}

}  // namespace
}  // namespace grantd::testing
