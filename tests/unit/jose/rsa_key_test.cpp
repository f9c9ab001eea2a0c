#include "server/jose/rsa_key.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <string>
#include <thread>
#include <vector>

#include "server/jose/base64url.h"
#include "server/jose/mac.h"
#include "server/jose/strict_json.h"
#include "tests/support/test_keys.h"

namespace grantd::jose {
namespace {

using testing::test_key;

std::string drain(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

std::string pkcs8(const EvpKey& key, const EVP_CIPHER* cipher = nullptr) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, key.get(), cipher, cipher == nullptr ? nullptr : "passphrase",
                                cipher == nullptr ? 0 : 10, nullptr, nullptr);
  return drain(bio);
}

std::string pkcs1(const EvpKey& key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey_traditional(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return drain(bio);
}

EvpKey rsa_pss_key() {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_keygen_init(context);
  EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048);
  EVP_PKEY_generate(context, &key);
  EVP_PKEY_CTX_free(context);
  return EvpKey(key);
}

std::string pem(std::size_t index) { return std::string(test_key(index)->to_pem().view()); }

std::string fault(std::string_view text) {
  const auto key = RsaPrivateKey::from_pem(text);
  return key ? "none" : key.error();
}

void expect_refused(std::string_view text, std::string_view found) {
  EXPECT_TRUE(fault(text).starts_with("found " + std::string(found))) << fault(text);
}

TEST(Rfc7468PrivateKey, ComesBackAsItWasWritten) {
  const auto key = RsaPrivateKey::from_pem(pem(0));
  ASSERT_TRUE(key);
  EXPECT_EQ((*key)->kid(), test_key(0)->kid());
  EXPECT_EQ((*key)->to_pem().view(), pem(0));
}

TEST(Rfc7468PrivateKey, MayHaveOtherLineEndsAndWhiteSpaceAroundIt) {
  std::string crlf = "\r\n  ";
  for (const char c : pem(0)) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(fault(crlf + "\n\n"), "none");
}

TEST(Rfc7468PrivateKey, RefusesMoreThanOneKey) {
  expect_refused(pem(0) + pem(1), "something behind the key");
}

TEST(Rfc7468PrivateKey, RefusesWhatStandsAroundIt) {
  expect_refused(pem(0) + "x", "something behind the key");
  expect_refused(pem(0) + std::string(1, '\0'), "something behind the key");
  expect_refused("Bag Attributes\n" + pem(0), "no private key");
}

TEST(Rfc7468PrivateKey, RefusesWhatIsNoPkcs8AndSaysWhatItFound) {
  expect_refused("", "an empty file");
  expect_refused("  \n", "an empty file");
  expect_refused("hello", "no private key");
  expect_refused(pkcs1(EvpKey(EVP_RSA_gen(2048U))), "a PKCS#1 key");
  expect_refused("-----BEGIN CERTIFICATE-----\nAAAA\n", "a certificate");
  expect_refused(std::string(max_pem_bytes + 1, ' '), "more than 16384 bytes");
}

TEST(Rfc7468PrivateKey, RefusesAnEncryptedKeyWithoutAskingForAPassphrase) {
  expect_refused(pkcs8(EvpKey(EVP_RSA_gen(2048U)), EVP_aes_256_cbc()), "an encrypted key");
  std::string with_header = pem(0);
  with_header.insert(with_header.find('\n') + 1,
                     "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n");
  expect_refused(with_header, "a key that is no base64, or encrypted");
}

TEST(Rfc7468PrivateKey, RefusesOtherAlgorithms) {
  expect_refused(pkcs8(EvpKey(EVP_EC_gen("P-256"))), "a key of another algorithm");
  expect_refused(pkcs8(rsa_pss_key()), "a key of another algorithm");
  expect_refused(pkcs8(EvpKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"))),
                 "a key of another algorithm");
}

TEST(Rfc7518Rs256, RefusesAKeyOfFewerThan2048Bits) {  // R71
  expect_refused(pkcs8(EvpKey(EVP_RSA_gen(1024U))), "an RSA key of 1024 bits");
}

TEST(Rfc7468PrivateKey, RefusesWhatIsCutOrChangedAnywhere) {
  const std::string good = pem(0);
  for (std::size_t size = 0; size < good.size() - 1; size += 37) {
    EXPECT_NE(fault(good.substr(0, size)), "none") << size;
  }
  std::string no_end = good.substr(0, good.find("-----END"));
  expect_refused(no_end, "a key without its end line");
}

TEST(Rfc7468PrivateKey, RefusesPartsThatDoNotBelongTogether) {
  std::string text = pem(0);
  const std::size_t first = text.find('\n') + 1;
  std::string base64;
  for (const char c : text.substr(first, text.find("-----END") - first)) {
    if (c != '\n') base64 += c;
  }
  std::string der = *base64_decode(base64);
  der[der.size() - 200] ^= 1;  // inside the CRT exponents
  std::string changed = base64url(der);
  for (char& c : changed) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (changed.size() % 4 != 0) changed += '=';
  expect_refused("-----BEGIN PRIVATE KEY-----\n" + changed + "\n-----END PRIVATE KEY-----\n",
                 "a key whose parts do not belong together");
}

TEST(Rfc7468PrivateKey, RefusesOctetsBehindTheDer) {
  std::string text = pem(0);
  const std::size_t first = text.find('\n') + 1;
  std::string base64;
  for (const char c : text.substr(first, text.find("-----END") - first)) {
    if (c != '\n') base64 += c;
  }
  std::string der = *base64_decode(base64) + std::string(3, '\0');
  std::string longer = base64url(der);
  for (char& c : longer) c = c == '-' ? '+' : c == '_' ? '/' : c;
  expect_refused("-----BEGIN PRIVATE KEY-----\n" + longer + "\n-----END PRIVATE KEY-----\n",
                 "a malformed key");
}

TEST(Rfc7518Rs256, VerifiesItsOwnSignatureAndNoOther) {  // R62
  const auto& key = *test_key(0);
  const std::string signature = key.sign_rs256("header.payload");
  ASSERT_EQ(signature.size(), 256U);
  EXPECT_TRUE(key.public_key()->verify_rs256("header.payload", signature));
  EXPECT_FALSE(key.public_key()->verify_rs256("header.payloae", signature));
  EXPECT_FALSE(test_key(1)->public_key()->verify_rs256("header.payload", signature));
  EXPECT_FALSE(key.public_key()->verify_rs256("header.payload", ""));
  EXPECT_FALSE(key.public_key()->verify_rs256("header.payload", signature + "x"));
  std::string flipped = signature;
  flipped.back() ^= 1;
  EXPECT_FALSE(key.public_key()->verify_rs256("header.payload", flipped));
}

TEST(Rfc7518Rs256, IsDeterministic) {
  EXPECT_EQ(test_key(0)->sign_rs256("x"), test_key(0)->sign_rs256("x"));
}

TEST(Rfc7518Rs256, ManyThreadsSignWithOneKey) {
  const auto& key = test_key(0);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&key, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string input = std::to_string(t) + "." + std::to_string(i);
        ASSERT_TRUE(key->public_key()->verify_rs256(input, key->sign_rs256(input)));
      }
    });
  }
}

// RFC 7638 §3.1.
constexpr std::string_view rfc7638_n =
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-"
    "65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
    "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

std::string jwk(std::string_view n, std::string_view e, std::string_view more = "") {
  return R"({"kty":"RSA","n":")" + std::string(n) + R"(","e":")" + std::string(e) + '"' +
         std::string(more) + "}";
}

TEST(Rfc7638Thumbprint, IsThatOfTheRfc) {  // R72
  const auto key =
      RsaPublicKey::from_jwk(jwk(rfc7638_n, "AQAB", R"(,"alg":"RS256","kid":"2011-04-29")"));
  ASSERT_TRUE(key) << key.error();
  EXPECT_EQ((*key)->kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

TEST(Rfc7517PublicKey, BearsWhatVerifiersNeedAndNothingPrivate) {  // R69, R70, R71
  const auto& key = *test_key(0)->public_key();
  const auto parsed = parse_object(key.jwk(), 2);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->size(), 6U);
  EXPECT_EQ((*parsed)["kty"], "RSA");
  EXPECT_EQ((*parsed)["use"], "sig");
  EXPECT_EQ((*parsed)["alg"], "RS256");
  EXPECT_EQ((*parsed)["kid"], key.kid());
  EXPECT_EQ((*parsed)["e"], "AQAB");
  EXPECT_EQ(base64url_decode((*parsed)["n"].get<std::string>())->size(), 256U);
  EXPECT_EQ(key.kid().size(), 43U);
}

TEST(Rfc7517PublicKey, ComesBackFromItsJwkAndVerifies) {
  const auto key = RsaPublicKey::from_jwk(test_key(0)->public_key()->jwk());
  ASSERT_TRUE(key);
  EXPECT_EQ((*key)->kid(), test_key(0)->kid());
  EXPECT_EQ((*key)->jwk(), test_key(0)->public_key()->jwk());
  EXPECT_TRUE((*key)->verify_rs256("x", test_key(0)->sign_rs256("x")));
}

TEST(Rfc7517PublicKey, RefusesUnsafeExponentsAndModuli) {
  for (const auto* e : {"AQ", "AA", "Ag", "AAEAAQ", "AQAAAAAAAAAB", "", "AQAB=", "A"}) {
    EXPECT_FALSE(RsaPublicKey::from_jwk(jwk(rfc7638_n, e))) << e;
  }
  EXPECT_TRUE(RsaPublicKey::from_jwk(jwk(rfc7638_n, "Aw")));
  EXPECT_FALSE(RsaPublicKey::from_jwk(jwk(rfc7638_n.substr(0, 160), "AQAB")));
  EXPECT_FALSE(RsaPublicKey::from_jwk(jwk("AA" + std::string(rfc7638_n), "AQAB")));
  EXPECT_FALSE(RsaPublicKey::from_jwk(jwk(base64url(std::string(1025, '\x7f')), "AQAB")));
  EXPECT_FALSE(RsaPublicKey::from_jwk(jwk(base64url(std::string(256, '\x7e')), "AQAB")));
  EXPECT_FALSE(RsaPublicKey::from_jwk(jwk("", "AQAB")));
}

TEST(Rfc7517PublicKey, RefusesPrivateMembersOtherTypesAndWhatIsNoJwk) {
  for (const auto* member : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    EXPECT_FALSE(
        RsaPublicKey::from_jwk(jwk(rfc7638_n, "AQAB", ",\"" + std::string(member) + "\":\"AQ\"")))
        << member;
  }
  EXPECT_FALSE(RsaPublicKey::from_jwk(R"({"kty":"EC","n":"AQ","e":"AQAB"})"));
  EXPECT_FALSE(RsaPublicKey::from_jwk(R"({"n":"AQ","e":"AQAB"})"));
  EXPECT_FALSE(RsaPublicKey::from_jwk(R"({"kty":"RSA","n":7,"e":"AQAB"})"));
  EXPECT_FALSE(RsaPublicKey::from_jwk("[]"));
  EXPECT_FALSE(RsaPublicKey::from_jwk(""));
}

}  // namespace
}  // namespace grantd::jose
