#include "server/tokens/claims.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/jose/base64url.h"

namespace grantd::tokens {
namespace {

using nlohmann::json;

Claims sample() {
  Claims claims;
  claims.issuer = "https://auth.example.com";
  claims.subject = "billing";
  claims.client_id = "billing";
  claims.audiences = {"https://api.example.com"};
  claims.scopes = {"api:read", "api:write"};
  claims.issued_at = sys_seconds(std::chrono::seconds(1'800'000'000));
  claims.expires_at = sys_seconds(std::chrono::seconds(1'800'000'300));
  claims.jti = "0123456789abcdef0123456789abcdef";
  return claims;
}

std::pair<json, json> parts_of(const std::string& input) {
  const auto dot = input.find('.');
  return {json::parse(*jose::base64url_decode(input.substr(0, dot))),
          json::parse(*jose::base64url_decode(input.substr(dot + 1)))};
}

std::string payload_of(const Claims& claims) {
  return parts_of(signing_input("k", "at+jwt", claims)).second.dump();
}

TEST(Rfc9068Claims, HeaderNamesAlgorithmKeyAndTypeAndNothingElse) {  // R56, R64
  const auto header = parts_of(signing_input("kid", "at+jwt", sample())).first;
  EXPECT_EQ(header, json({{"alg", "RS256"}, {"kid", "kid"}, {"typ", "at+jwt"}}));
}

TEST(Rfc9068Claims, AreThoseOfTheContractWithTheirTypes) {  // R58, R59, R60, R61, R65
  const auto claims = parts_of(signing_input("kid", "at+jwt", sample())).second;
  EXPECT_EQ(claims, json({{"iss", "https://auth.example.com"},
                          {"sub", "billing"},
                          {"client_id", "billing"},
                          {"aud", "https://api.example.com"},
                          {"scope", "api:read api:write"},
                          {"iat", 1'800'000'000},
                          {"exp", 1'800'000'300},
                          {"jti", "0123456789abcdef0123456789abcdef"}}));
}

TEST(Rfc9068Claims, SeveralAudiencesAreAnArrayAndNoScopesNoClaim) {
  auto sent = sample();
  sent.audiences = {"https://a", "https://b"};
  sent.scopes = {};
  const auto claims = parts_of(signing_input("kid", "at+jwt", sent)).second;
  EXPECT_EQ(claims["aud"], json({"https://a", "https://b"}));
  EXPECT_FALSE(claims.contains("scope"));
}

TEST(Rfc9068Claims, AClientIdNeverBreaksOutOfItsString) {
  auto sent = sample();
  sent.client_id = R"(a","sub":"root)";
  const auto claims = parts_of(signing_input("kid", "at+jwt", sent)).second;
  EXPECT_EQ(claims["client_id"], R"(a","sub":"root)");
  EXPECT_EQ(claims["sub"], "billing");
}

TEST(Rfc9068Claims, ReadBackAsWritten) {
  const auto read = parse_claims(payload_of(sample()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->jti, sample().jti);
  EXPECT_EQ(read->audiences, sample().audiences);
  EXPECT_EQ(read->scopes, sample().scopes);
  EXPECT_EQ(read->expires_at, sample().expires_at);
}

TEST(Rfc9068Claims, MissingAndMistypedClaimsAreRefused) {  // R108
  const auto good = json::parse(payload_of(sample()));
  for (const auto* name : {"iss", "sub", "client_id", "aud", "iat", "exp", "jti"}) {
    auto without = good;
    without.erase(name);
    EXPECT_FALSE(parse_claims(without.dump())) << name;
  }
  for (const auto& exp :
       {json("1"), json(1e99), json(-1), json(1.5), json(nullptr), json(253402300800)}) {
    auto other = good;
    other["exp"] = exp;
    EXPECT_FALSE(parse_claims(other.dump())) << exp;
  }
  for (const auto& aud : {json::array(), json({1}), json(1)}) {
    auto other = good;
    other["aud"] = aud;
    EXPECT_FALSE(parse_claims(other.dump())) << aud;
  }
  EXPECT_FALSE(parse_claims("[]"));
  EXPECT_FALSE(parse_claims(R"({"iss":"a","iss":"b"})"));
}

Claims derived() {
  auto claims = sample();
  claims.root_jti = std::string(32, 'a');
  claims.exchange_depth = 2;
  claims.act = R"({"sub":"b","act":{"sub":"a"}})";
  claims.status = StatusReference{17, 4711};
  claims.extra = {{"tenant", R"("eu")"}, {"n\"", "[1,2]"}};
  return claims;
}

TEST(DerivedClaims, AreWrittenAsTheRfcsNameThem) {
  const auto claims = parts_of(signing_input("kid", "at+jwt", derived())).second;
  EXPECT_EQ(claims["act"], json({{"sub", "b"}, {"act", {{"sub", "a"}}}}));
  EXPECT_EQ(claims["root_jti"], std::string(32, 'a'));
  EXPECT_EQ(claims["exchange_depth"], 2);
  EXPECT_EQ(
      claims["status"],
      json({{"status_list", {{"idx", 4711}, {"uri", "https://auth.example.com/status/17"}}}}));
  EXPECT_EQ(claims["tenant"], "eu");
  EXPECT_EQ(claims["n\""], json({1, 2}));
}

TEST(DerivedClaims, ReadBackAsWritten) {
  const auto read = parse_claims(payload_of(derived()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->root_jti, derived().root_jti);
  EXPECT_EQ(read->exchange_depth, 2U);
  EXPECT_EQ(read->status, derived().status);
  EXPECT_EQ(read->extra, derived().extra);
  EXPECT_EQ(json::parse(read->act), json::parse(derived().act));
}

TEST(DerivedClaims, ThatAreMistypedAreRefused) {
  for (const auto& [name, value] : std::vector<std::pair<std::string, json>>{
           {"root_jti", 1}, {"exchange_depth", -1}, {"exchange_depth", 33}, {"act", "b"}}) {
    auto object = json::parse(payload_of(derived()));
    object[name] = value;
    EXPECT_FALSE(parse_claims(object.dump())) << name << " " << value;
  }
}

TEST(DerivedClaims, ActorsComeTheCurrentOneFirstThenClientAndSubject) {
  EXPECT_EQ(actors_of(derived().act), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(actors_of(""), std::vector<std::string>{});
  EXPECT_EQ(actors_of("{"), std::vector<std::string>{});
  EXPECT_EQ(actors_of(R"({"act":1})"), std::vector<std::string>{});
  EXPECT_EQ(principals_of(derived()), (std::vector<std::string>{"b", "a", "billing", "billing"}));
}

TEST(Jti, StartsWith32LowerCaseHexDigits) {
  EXPECT_TRUE(is_jti("0123456789abcdef0123456789abcdef"));
  EXPECT_TRUE(is_jti("0123456789abcdef0123456789abcdef.7.12"));
  EXPECT_FALSE(is_jti("0123456789ABCDEF0123456789abcdef"));
  EXPECT_FALSE(is_jti("0123456789abcdef0123456789abcde"));
  EXPECT_FALSE(is_jti("0123456789abcdef0123456789abcdef\n"));
  EXPECT_FALSE(is_jti("0123456789abcdef0123456789abcdef" + std::string(200, 'a')));
}

}  // namespace
}  // namespace grantd::tokens
