/// The attacks that a verifier must survive, and the tokens it must take: with real keys, signed
/// here.
#include "verifier.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "revocation_feed.h"

namespace example {
namespace {

using nlohmann::json;
using std::chrono::system_clock;

std::string encode(std::string_view octets) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  unsigned bits = 0;
  int held = 0;
  for (const char octet : octets) {
    bits = bits << 8U | static_cast<unsigned char>(octet);
    for (held += 8; held >= 6; held -= 6) text += alphabet[bits >> (held - 6) & 63U];
  }
  if (held > 0) text += alphabet[bits << (6 - held) & 63U];
  return text;
}

std::string number(EVP_PKEY* key, const char* name) {
  BIGNUM* value = nullptr;
  EVP_PKEY_get_bn_param(key, name, &value);
  std::string octets(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
  BN_bn2bin(value, reinterpret_cast<unsigned char*>(octets.data()));
  BN_free(value);
  return octets;
}

class VerifierTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    key_ = PublicKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}), EVP_PKEY_free);
  }

  static std::string jwks() {
    const json jwk{{"kty", "RSA"},
                   {"kid", "k1"},
                   {"use", "sig"},
                   {"alg", "RS256"},
                   {"n", encode(number(key_.get(), OSSL_PKEY_PARAM_RSA_N))},
                   {"e", encode(number(key_.get(), OSSL_PKEY_PARAM_RSA_E))}};
    return json{{"keys", {jwk}}}.dump();
  }
  static json header() { return {{"alg", "RS256"}, {"kid", "k1"}, {"typ", "at+jwt"}}; }
  static json payload() {
    return {{"iss", "https://auth.example.com"},
            {"aud", "https://profile.example.com"},
            {"sub", "caller"},
            {"client_id", "user-service"},
            {"scope", "profiles:read other"},
            {"iat", now - 10},
            {"exp", now + 60},
            {"jti", "00112233445566778899aabbccddeeff"},
            {"root_jti", "ffeeddccbbaa99887766554433221100"},
            {"act", {{"sub", "user-service"}, {"act", {{"sub", "edge"}}}}}};
  }
  static std::string sign(const std::string& header_text, const std::string& payload_text) {
    const std::string input = encode(header_text) + "." + encode(payload_text);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    std::string signature(512, '\0');
    std::size_t size = signature.size();
    EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_.get());
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                   reinterpret_cast<const unsigned char*>(input.data()), input.size());
    EVP_MD_CTX_free(context);
    signature.resize(size);
    return input + "." + encode(signature);
  }
  static std::string token(const json& head, const json& body) {
    return sign(head.dump(), body.dump());
  }

  /// The log's word where the token is refused, "" where it is taken.
  std::string verdict(const std::string& text, const std::string& scope = "profiles:read") const {
    const auto keys = parse_jwk_set(jwks());
    const Verifier verifier(
        "https://auth.example.com", "https://profile.example.com",
        [&](const std::string& kid) { return keys->contains(kid) ? keys->at(kid) : nullptr; },
        [this](const Claims& claims) { return revocations_.revoked(claims); });
    const auto claims = verifier.verify(text, scope, system_clock::from_time_t(now));
    return claims ? "" : claims.error().reason;
  }
  static json changed(json object, const char* name, const json& value) {
    object[name] = value;
    return object;
  }

  static constexpr std::int64_t now = 1'800'000'000;
  static inline PublicKey key_;
  Revocations revocations_;
};

TEST_F(VerifierTest, TakesAGoodTokenAndTellsItsActorsOutermostFirst) {
  const auto keys = parse_jwk_set(jwks());
  const Verifier verifier(
      "https://auth.example.com", "https://profile.example.com",
      [&](const std::string& kid) { return keys->at(kid); }, [](const Claims&) { return false; });
  const auto claims =
      verifier.verify(token(header(), payload()), "profiles:read", system_clock::from_time_t(now));
  ASSERT_TRUE(claims) << claims.error().reason;
  EXPECT_EQ(claims->sub, "caller");
  EXPECT_EQ(claims->actors, (std::vector<std::string>{"user-service", "edge"}));
}

TEST_F(VerifierTest, RefusesEveryAlgorithmButRs256) {
  EXPECT_EQ(verdict(token(changed(header(), "alg", "none"), payload())), "bad_alg");
  EXPECT_EQ(verdict(token(changed(header(), "alg", "PS256"), payload())), "bad_alg");
  const std::string unsigned_token =
      encode(changed(header(), "alg", "none").dump()) + "." + encode(payload().dump()) + ".";
  EXPECT_EQ(verdict(unsigned_token), "bad_alg");
  // RS256's public key taken as an HMAC key: the classic confusion.
  const std::string input =
      encode(changed(header(), "alg", "HS256").dump()) + "." + encode(payload().dump());
  const std::string modulus = number(key_.get(), OSSL_PKEY_PARAM_RSA_N);
  std::string mac(32, '\0');
  HMAC(EVP_sha256(), modulus.data(), static_cast<int>(modulus.size()),
       reinterpret_cast<const unsigned char*>(input.data()), input.size(),
       reinterpret_cast<unsigned char*>(mac.data()), nullptr);
  EXPECT_EQ(verdict(input + "." + encode(mac)), "bad_alg");
}

TEST_F(VerifierTest, RefusesATokenWithAnyCharacterChanged) {
  const std::string good = token(header(), payload());
  ASSERT_EQ(verdict(good), "");
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(verdict(bad), "") << "at " << i;
  }
}

TEST_F(VerifierTest, RefusesOtherAudiencesIssuersAndTypes) {
  EXPECT_EQ(verdict(token(header(), changed(payload(), "aud", "https://user.example.com"))),
            "other_audience");
  EXPECT_EQ(verdict(token(header(), changed(payload(), "iss", "https://auth.example.com/"))),
            "other_issuer");
  EXPECT_EQ(verdict(token(changed(header(), "typ", "JWT"), payload())), "bad_typ");
  EXPECT_EQ(verdict(token(header(), changed(payload(), "aud",
                                            {"https://a.example", "https://profile.example.com"}))),
            "");
}

TEST_F(VerifierTest, RefusesWhatHasExpiredToTheSecond) {
  EXPECT_EQ(verdict(token(header(), changed(payload(), "exp", now))), "expired");
  EXPECT_EQ(verdict(token(header(), changed(payload(), "exp", now + 1))), "");
  EXPECT_EQ(verdict(token(header(), changed(payload(), "exp", "later"))), "bad_claims");
}

TEST_F(VerifierTest, RefusesRepeatedMembersAndCriticalHeaders) {
  std::string body = payload().dump();
  body.insert(1, R"("exp":9999999999,)");
  EXPECT_EQ(verdict(sign(header().dump(), body)), "bad_payload");
  EXPECT_EQ(
      verdict(sign(R"({"alg":"none","alg":"RS256","kid":"k1","typ":"at+jwt"})", payload().dump())),
      "bad_header");
  EXPECT_EQ(verdict(token(changed(header(), "crit", {"b64"}), payload())), "crit");
  EXPECT_EQ(verdict(token(changed(header(), "kid", "k2"), payload())), "unknown_kid");
}

TEST_F(VerifierTest, WantsAWholeScopeName) {
  EXPECT_EQ(verdict(token(header(), payload()), "profiles"), "insufficient_scope");
  EXPECT_EQ(verdict(token(header(), payload()), "other"), "");
}

json feed(std::int64_t seq, bool full) {
  return {{"seq", seq},
          {"full", full},
          {"revoked", json::object()},
          {"not_before", json::object()},
          {"kids", json::array()}};
}

TEST_F(VerifierTest, RefusesWhatTheFeedRevokedDerivedTokensIncluded) {
  const std::string good = token(header(), payload());
  const auto after = [&](const char* member, const json& value) {
    json document = feed(1, true);
    document[member] = value;
    EXPECT_TRUE(revocations_.apply(document));
    return verdict(good);
  };
  EXPECT_EQ(after("revoked", {{"00112233445566778899aabbccddeeff", now + 60}}), "revoked");
  EXPECT_EQ(after("revoked", {{"ffeeddccbbaa99887766554433221100", now + 60}}), "revoked");
  EXPECT_EQ(after("revoked", {{"another", now + 60}}), "");
  EXPECT_EQ(after("not_before", {{"edge", {{"iat", now - 10}, {"exp", now + 60}}}}), "revoked");
  EXPECT_EQ(after("not_before", {{"edge", {{"iat", now - 11}, {"exp", now + 60}}}}), "");
  EXPECT_EQ(after("not_before_all", {{"iat", now}, {"exp", now + 60}}), "revoked");
  EXPECT_EQ(after("kids", {"k1"}), "revoked");
}

TEST_F(VerifierTest, MergesWhatTheFeedAddsAndForgetsWhatExpired) {
  json document = feed(1, true);
  document["revoked"] = {{"00112233445566778899aabbccddeeff", now + 60}};
  EXPECT_TRUE(revocations_.apply(document));
  EXPECT_TRUE(revocations_.apply(feed(2, false)));
  EXPECT_EQ(revocations_.cursor(), 2);
  EXPECT_EQ(verdict(token(header(), payload())), "revoked");
  EXPECT_FALSE(revocations_.apply({{"seq", 3}}));
  EXPECT_EQ(revocations_.cursor(), 2);
  revocations_.sweep(now + 60);
  EXPECT_EQ(verdict(token(header(), payload())), "");
}

}  // namespace
}  // namespace example
