#include "server/jose/jws.h"

#include <gtest/gtest.h>

#include <string>

#include "server/jose/base64url.h"

namespace grantd::jose {
namespace {

std::string compact(std::string_view header, std::string_view payload = "{}",
                    std::string_view signature = "sig") {
  return base64url(header) + "." + base64url(payload) + "." + base64url(signature);
}

std::string fault(std::string_view text) {
  const auto parsed = parse_compact(text);
  return parsed ? "none" : parsed.error();
}

constexpr std::string_view good_header = R"({"alg":"RS256","kid":"k1","typ":"at+jwt"})";

TEST(Rfc7515CompactSerialization, IsTakenApart) {
  const std::string text = compact(good_header, R"({"sub":"x"})");
  const auto jws = parse_compact(text);
  ASSERT_TRUE(jws);
  EXPECT_EQ(jws->kid, "k1");
  EXPECT_EQ(jws->typ, "at+jwt");
  EXPECT_EQ(jws->payload, R"({"sub":"x"})");
  EXPECT_EQ(jws->signature, "sig");
  EXPECT_EQ(jws->signing_input, text.substr(0, text.rfind('.')));
}

TEST(Rfc7515CompactSerialization, EachTokenHasItsOwnHeaderWhateverCameBefore) {
  const std::string first = compact(good_header);
  const std::string second = compact(R"({"alg":"RS256","kid":"k2","typ":"JWT"})");
  for (int round = 0; round < 2; ++round) {
    ASSERT_EQ(parse_compact(first).value().kid, "k1");
    ASSERT_EQ(parse_compact(first).value().typ, "at+jwt");
    ASSERT_EQ(parse_compact(second).value().kid, "k2");
    ASSERT_EQ(parse_compact(second).value().typ, "jwt");
    EXPECT_EQ(fault(compact(R"({"alg":"none","kid":"k2","typ":"JWT"})")), "alg_not_allowed");
    EXPECT_EQ(fault(compact("")), "header_malformed_json");
    EXPECT_EQ(fault("." + base64url("{}") + "." + base64url("sig")), "header_malformed_json");
  }
}

TEST(Rfc7515CompactSerialization, HasExactlyThreeParts) {  // R105
  for (const auto* text : {"", ".", "a.b", "a.b.c.d", "a.b.c.d.e", "eyJhbGciOiJSUzI1NiJ9"}) {
    EXPECT_EQ(fault(text), "not_three_parts") << text;
  }
  EXPECT_EQ(fault(".."), "signature_missing");
  EXPECT_EQ(fault(base64url(good_header) + ".e30."), "signature_missing");
}

TEST(Rfc7515CompactSerialization, RefusesPaddingAndWhiteSpace) {  // R105
  EXPECT_EQ(fault(compact(good_header) + "="), "malformed_base64url");
  EXPECT_EQ(fault(" " + compact(good_header)), "malformed_base64url");
  EXPECT_EQ(fault(compact(good_header) + "\n"), "malformed_base64url");
}

TEST(Rfc7515CompactSerialization, IsBounded) {
  EXPECT_EQ(fault(compact(good_header, std::string(max_compact_bytes, 'x'))), "token_too_long");
}

TEST(Rfc8725AlgorithmVerification, TakesRs256Alone) {  // R97, R98, R99
  for (const auto* alg : {"none", "nOnE", "", "HS256", "RS384", "rs256", "PS256", "ES256"}) {
    EXPECT_EQ(fault(compact(R"({"kid":"k1","alg":")" + std::string(alg) + R"("})")),
              "alg_not_allowed")
        << alg;
  }
  EXPECT_EQ(fault(compact(R"({"kid":"k1"})")), "alg_not_allowed");
  EXPECT_EQ(fault(compact(R"({"kid":"k1","alg":["RS256"]})")), "alg_not_allowed");
}

TEST(Rfc7515Header, CriticalExtensionsAreRefused) {  // R102
  EXPECT_EQ(fault(compact(R"({"alg":"RS256","kid":"k1","crit":["exp"],"exp":1})")),
            "crit_not_supported");
  EXPECT_EQ(fault(compact(R"({"alg":"RS256","kid":"k1","crit":[]})")), "crit_not_supported");
  EXPECT_EQ(fault(compact(R"({"alg":"RS256","kid":"k1","b64":false})")), "b64_not_supported");
}

TEST(Rfc7515Header, RepeatedMembersAreRefused) {  // R103
  EXPECT_EQ(fault(compact(R"({"alg":"RS256","kid":"k1","kid":"k2"})")), "header_repeated_member");
  EXPECT_EQ(fault(compact(R"({"alg":"none","alg":"RS256","kid":"k1"})")), "header_repeated_member");
}

TEST(Rfc7515Header, IsAnObjectInUtf8) {
  EXPECT_EQ(fault(compact("[]")), "header_no_json_object");
  EXPECT_EQ(fault(compact("")), "header_malformed_json");
  EXPECT_EQ(fault(compact("{\"alg\":\"RS256\",\"kid\":\"\xff\"}")), "header_malformed_json");
  EXPECT_EQ(fault(compact(R"({"alg":"RS256","kid":"k","jwk":)" + std::string(100, '['))),
            "header_nested_too_deeply");
}

TEST(Rfc7515Header, NamesItsKey) {  // R101
  EXPECT_EQ(fault(compact(R"({"alg":"RS256"})")), "kid_missing");
  EXPECT_EQ(fault(compact(R"({"alg":"RS256","kid":""})")), "kid_missing");
  EXPECT_EQ(fault(compact(R"({"alg":"RS256","kid":7})")), "kid_missing");
  EXPECT_EQ(fault(compact(R"({"alg":"RS256","kid":")" + std::string(256, 'k') + R"("})")),
            "kid_too_long");
}

TEST(Rfc7515Header, KeysAndAddressesInsideAreNotLookedAt) {  // R100
  EXPECT_EQ(fault(compact(R"({"alg":"RS256","kid":"k1","jwk":{"kty":"RSA"},)"
                          R"("jku":"https://evil.example","x5u":1,"x5c":[]})")),
            "none");
}

TEST(Rfc7515Header, TypIsComparedAsAMediaType) {
  const auto typ = [](std::string_view text) {
    const auto jws = parse_compact(
        compact(R"({"alg":"RS256","kid":"k1","typ":")" + std::string(text) + R"("})"));
    return jws ? jws->typ : jws.error();
  };
  EXPECT_EQ(typ("AT+JWT"), "at+jwt");
  EXPECT_EQ(typ("application/at+jwt"), "at+jwt");
  EXPECT_EQ(typ("Application/AT+jwt"), "at+jwt");
  EXPECT_EQ(typ("application/a/b"), "application/a/b");
  EXPECT_EQ(parse_compact(compact(R"({"alg":"RS256","kid":"k1"})"))->typ, "");
  EXPECT_EQ(fault(compact(R"({"alg":"RS256","kid":"k1","typ":1})")), "typ_malformed");
}

}  // namespace
}  // namespace grantd::jose
