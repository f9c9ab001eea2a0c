#include "server/jose/encryption_key.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "server/jose/base64url.h"
#include "tests/support/jwe_reader.h"

namespace grantd::jose {
namespace {

using nlohmann::json;
using testing::JweReader;

constexpr auto rsa = KeyManagement::rsa_oaep_256;
constexpr auto ec = KeyManagement::ecdh_es_a256kw;

const JweReader& rsa_reader() {
  static const auto reader = JweReader::rsa("r1");
  return reader;
}
const JweReader& ec_reader() {
  static const auto reader = JweReader::ec("e1");
  return reader;
}

std::string fault(const json& jwk, KeyManagement alg) {
  const auto key = EncryptionKey::from_jwk(jwk.dump(), alg);
  return key ? "none" : key.error();
}

/// The JWK with a member set, or taken away where `value` is null.
json with(json jwk, const std::string& member, const json& value) {
  jwk[member] = value;
  if (value.is_null()) jwk.erase(member);
  return jwk;
}

std::string set_fault(const json& keys, KeyManagement alg) {
  const auto key = EncryptionKey::from_jwks(json{{"keys", keys}}.dump(), alg);
  return key ? "takes " + (*key)->kid() : key.error();
}

TEST(Rfc7517EncryptionKey, RsaAndTheThreeCurvesAreTaken) {
  EXPECT_EQ(fault(rsa_reader().jwk(), rsa), "none");
  for (const auto* curve : {"P-256", "P-384", "P-521"}) {
    EXPECT_EQ(fault(JweReader::ec("k", curve).jwk(), ec), "none") << curve;
  }
}

TEST(Rfc7517EncryptionKey, SaysWhoseItIs) {
  const auto key = EncryptionKey::from_jwk(ec_reader().jwk().dump(), ec);
  ASSERT_TRUE(key);
  EXPECT_EQ((*key)->kid(), "e1");
  EXPECT_EQ((*key)->algorithm(), ec);
  EXPECT_EQ((*key)->curve()->crv, "P-256");
}

TEST(Rfc7517EncryptionKey, AKeyForSignaturesOrWithoutUseIsRefused) {
  for (const auto& use : {json("sig"), json(nullptr), json("ENC"), json(1)}) {
    EXPECT_EQ(fault(with(rsa_reader().jwk(), "use", use), rsa), R"(the JWK's use is not "enc")");
  }
}

TEST(Rfc7517EncryptionKey, AnotherAlgorithmIsRefusedAndNoneIsFine) {
  EXPECT_EQ(fault(with(rsa_reader().jwk(), "alg", "RSA-OAEP"), rsa),
            "the JWK's alg is not RSA-OAEP-256");
  EXPECT_EQ(fault(with(ec_reader().jwk(), "alg", "ECDH-ES"), ec),
            "the JWK's alg is not ECDH-ES+A256KW");
  EXPECT_EQ(fault(with(rsa_reader().jwk(), "alg", nullptr), rsa), "none");
}

TEST(Rfc7517EncryptionKey, ATypeThatDoesNotFitTheAlgorithmIsRefused) {
  EXPECT_EQ(fault(with(ec_reader().jwk(), "alg", nullptr), rsa), "the JWK's kty is not RSA");
  EXPECT_EQ(fault(with(rsa_reader().jwk(), "alg", nullptr), ec), "the JWK's kty is not EC");
  EXPECT_NE(fault(with(ec_reader().jwk(), "crv", "secp256k1"), ec), "none");
}

TEST(Rfc7517EncryptionKey, AKeyWithoutANameIsRefused) {
  for (const auto& kid : {json(nullptr), json(""), json(7), json(std::string(256, 'k'))}) {
    EXPECT_TRUE(fault(with(rsa_reader().jwk(), "kid", kid), rsa).starts_with("the JWK has no kid"));
  }
}

TEST(Rfc7517EncryptionKey, APrivateKeyIsRefused) {
  for (const auto* member : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    EXPECT_EQ(
        fault(with(rsa_reader().jwk(), member, "AQ"), rsa),
        "the JWK holds the private member " + std::string(member) + ", expected a public key");
  }
}

TEST(Rfc7518RsaOaep, ASmallKeyIsRefused) {
  EXPECT_EQ(fault(JweReader::rsa("small", 1024).jwk(), rsa),
            "found an RSA key of 1024 bits, expected 2048 to 8192");
}

TEST(Rfc7518EcdhEs, APointOffItsCurveIsRefused) {
  auto y = base64url_decode(ec_reader().jwk().at("y").get<std::string>()).value();
  y.back() = static_cast<char>(y.back() ^ 1);
  EXPECT_EQ(fault(with(ec_reader().jwk(), "y", base64url(y)), ec),
            "the JWK's x and y are no point of its curve");
  const auto zero = base64url(std::string(32, '\0'));
  EXPECT_EQ(fault(with(with(ec_reader().jwk(), "x", zero), "y", zero), ec),
            "the JWK's x and y are no point of its curve");
  const auto prime_or_more = base64url(std::string(32, '\xff'));
  EXPECT_NE(fault(with(ec_reader().jwk(), "x", prime_or_more), ec), "none");
}

TEST(Rfc7518EcdhEs, CoordinatesHaveTheirFullLength) {
  const auto x = base64url_decode(ec_reader().jwk().at("x").get<std::string>()).value();
  for (const auto& other : {x.substr(1), std::string(1, '\0') + x}) {
    EXPECT_TRUE(fault(with(ec_reader().jwk(), "x", base64url(other)), ec)
                    .starts_with("the JWK's member x has"));
  }
  EXPECT_NE(fault(with(ec_reader().jwk(), "x", nullptr), ec), "none");
  EXPECT_NE(fault(with(ec_reader().jwk(), "x", "!"), ec), "none");
}

TEST(Rfc7517KeySet, TheFirstKeyThatIsMeantForItIsTaken) {
  const auto second = JweReader::rsa("r2");
  const auto signing = with(rsa_reader().jwk(), "use", "sig");
  const json okp{{"kty", "OKP"}, {"use", "enc"}, {"crv", "X25519"}, {"x", "AA"}, {"kid", "o"}};
  EXPECT_EQ(set_fault({signing, okp, ec_reader().jwk(), second.jwk(), rsa_reader().jwk()}, rsa),
            "takes r2");
  EXPECT_EQ(set_fault({signing, okp, ec_reader().jwk()}, ec), "takes e1");
}

TEST(Rfc7517KeySet, AFaultInTheOneThatIsMeantIsNotPassedOver) {
  const auto faulty = with(rsa_reader().jwk(), "n", "AQAB");
  EXPECT_EQ(set_fault({faulty, rsa_reader().jwk()}, rsa),
            "found an RSA key of 17 bits, expected 2048 to 8192");
}

TEST(Rfc7517KeySet, APrivateMemberOfAnyKeyIsRefused) {
  const json secret{{"kty", "oct"}, {"k", "AQ"}, {"kid", "s"}};
  EXPECT_EQ(set_fault({rsa_reader().jwk(), secret}, rsa),
            "the JWK holds the private member k, expected a public key");
}

TEST(Rfc7517KeySet, WithoutAUsableKeySaysWhatWouldBe) {
  EXPECT_EQ(set_fault(json::array(), rsa),
            R"(found 0 keys, none of them usable, expected one with use "enc", kty RSA and, where )"
            "it names one, alg RSA-OAEP-256");
}

TEST(Rfc7517KeySet, WhatIsNoSetIsRefused) {
  for (const std::string text :
       {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[1]})", R"({"keys":[],"keys":[]})",
        R"({"keys":[{"use":"sig","use":"enc"}]})"}) {
    EXPECT_FALSE(EncryptionKey::from_jwks(text, rsa)) << text;
  }
  EXPECT_FALSE(EncryptionKey::from_jwks(std::string(max_jwks_bytes + 1, ' '), rsa));
}

TEST(Rfc7518KeyManagement, IsKnownByItsName) {
  EXPECT_EQ(key_management_of("RSA-OAEP-256"), rsa);
  EXPECT_EQ(key_management_of("ECDH-ES+A256KW"), ec);
  EXPECT_EQ(key_management_of("RSA1_5"), std::nullopt);
  EXPECT_EQ(key_management_of(""), std::nullopt);
}

}  // namespace
}  // namespace grantd::jose
