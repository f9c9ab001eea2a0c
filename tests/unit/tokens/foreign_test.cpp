#include "server/tokens/foreign.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/foreign_issuer.h"

namespace grantd::tokens {
namespace {

using nlohmann::json;
using testing::ForeignIssuer;
using testing::test_key;

constexpr sys_seconds now{std::chrono::seconds(1'800'000'000)};
constexpr ForeignTimes times{std::chrono::seconds(30), std::chrono::hours(1)};

json key(const json& more = json::object()) {
  auto jwk = json::parse(test_key(0)->public_key()->jwk());
  jwk["kid"] = ForeignIssuer::kid;
  jwk.merge_patch(more);
  return jwk;
}

std::string jwks(const std::vector<json>& keys) { return json{{"keys", keys}}.dump(); }

json claims(const json& more = json::object()) {
  const auto seconds = now.time_since_epoch().count();
  json all = {{"iss", ForeignIssuer::issuer},
              {"sub", "alice"},
              {"aud", {"https://a"}},
              {"iat", seconds},
              {"exp", seconds + 60}};
  all.merge_patch(more);
  return all;
}

class ForeignToken : public ::testing::Test {
 protected:
  ForeignToken() { issuers[ForeignIssuer::issuer] = {*parse_jwks(jwks({key()})), "idp|"}; }
  std::string fault(const json& of_claims) {
    const auto verified = verify_foreign(idp.sign(of_claims), issuers, now, times);
    return verified ? "" : verified.error();
  }
  ForeignIssuers issuers;
  ForeignIssuer idp;
};

TEST(ForeignJwks, WithoutASignatureKeyIsRefused) {
  for (const auto& text :
       {std::string(), std::string("{}"), std::string(R"({"keys":{}})"), jwks({}),
        jwks({key({{"use", "enc"}})}), jwks({key({{"alg", "RS512"}})}),
        jwks({key({{"kty", "EC"}})}), jwks({key({{"kid", nullptr}})}), jwks({key({{"kid", ""}})}),
        jwks({key(), key()}), jwks({key({{"n", "AQAB"}})}), jwks({key({{"d", "AQAB"}})})}) {
    EXPECT_FALSE(parse_jwks(text)) << text.substr(0, 80);
  }
  EXPECT_FALSE(parse_jwks(std::string(max_jwks_bytes + 1, ' ')));
}

TEST(ForeignJwks, KeysForOtherUsesArePassedOver) {
  const auto keys = parse_jwks(jwks(
      {key({{"use", "enc"}, {"kid", "a"}}), key(), json({{"kty", "OKP"}, {"kid", "b"}}), json(1)}));
  ASSERT_TRUE(keys) << keys.error();
  EXPECT_EQ(keys->size(), 1U);
}

TEST_F(ForeignToken, HasItsExpiryTakenExactlyAndItsBeginWithSkew) {
  const auto seconds = now.time_since_epoch().count();
  EXPECT_EQ(fault(claims({{"exp", seconds}})), "expired");
  EXPECT_EQ(fault(claims({{"exp", seconds + 1}})), "");
  EXPECT_EQ(fault(claims({{"exp", 1e300}})), "missing_or_mistyped_claim");
  EXPECT_EQ(fault(claims({{"exp", -1}})), "missing_or_mistyped_claim");
  EXPECT_EQ(fault(claims({{"nbf", seconds + 30}})), "");
  EXPECT_EQ(fault(claims({{"nbf", seconds + 31}})), "not_valid_yet");
  EXPECT_EQ(fault(claims({{"iat", seconds + 31}})), "not_valid_yet");
  EXPECT_EQ(fault(claims({{"iat", "now"}})), "missing_or_mistyped_claim");
  EXPECT_EQ(fault(claims({{"iat", nullptr}})), "missing_or_mistyped_claim");
}

TEST_F(ForeignToken, IsNoLongerTakenThanItsRevocationIsKept) {
  const auto seconds = now.time_since_epoch().count();
  EXPECT_EQ(fault(claims({{"iat", seconds - 3600}, {"exp", seconds + 36000}})), "");
  EXPECT_EQ(fault(claims({{"iat", seconds - 3601}, {"exp", seconds + 36000}})), "too_old");
}

TEST_F(ForeignToken, ActorsAreItsIssuersWhateverTheySayOfThemselves) {
  const json act = {
      {"sub", "billing"}, {"iss", "https://auth.example.com"}, {"act", {{"sub", "b"}}}};
  const auto verified = verify_foreign(idp.sign(claims({{"act", act}})), issuers, now, times);
  ASSERT_TRUE(verified);
  EXPECT_EQ(json::parse(verified->act),
            json({{"sub", "billing"},
                  {"iss", ForeignIssuer::issuer},
                  {"act", {{"sub", "b"}, {"iss", ForeignIssuer::issuer}}}}));
  EXPECT_EQ(actors_of(verified->act), (std::vector<std::string>{"billing", "b"}));
  // None of them is a client of ours, whose not-before time would end the token.
  EXPECT_EQ(principals_of(*verified), (std::vector<std::string>{"", "idp|alice"}));
}

TEST_F(ForeignToken, ScopesComeFromScopeOrFromAListInScp) {
  EXPECT_EQ(verify_foreign(idp.sign(claims({{"scope", "a  b"}})), issuers, now, times)->scopes,
            (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(verify_foreign(idp.sign(claims({{"scp", {"a", "b"}}})), issuers, now, times)->scopes,
            (std::vector<std::string>{"a", "b"}));
}

TEST_F(ForeignToken, IsNamedByItsIssuerAndJtiSoThatItCanBeRevoked) {
  const auto name = [&](const json& more) {
    return verify_foreign(idp.sign(claims(more)), issuers, now, times)->jti;
  };
  const json none = json::object();
  EXPECT_TRUE(is_jti(name(none)));
  EXPECT_EQ(name({{"jti", "1"}}), name({{"jti", "1"}, {"x", 1}}));
  EXPECT_NE(name({{"jti", "1"}}), name({{"jti", "2"}}));
  EXPECT_NE(name(none), name({{"x", 1}}));
}

TEST_F(ForeignToken, OfAnIssuerThatIsNotKnownIsRefusedWhateverItsKey) {
  EXPECT_EQ(fault(claims({{"iss", "https://idp.example.com/"}})), "issuer_not_trusted");
  EXPECT_EQ(fault(claims({{"iss", 1}})), "issuer_not_trusted");
}

}  // namespace
}  // namespace grantd::tokens
