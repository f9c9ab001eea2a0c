#include "server/jose/jwe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server/jose/aes.h"
#include "server/jose/base64url.h"
#include "server/jose/ecdh_es.h"
#include "tests/support/jwe_reader.h"

namespace grantd::jose {
namespace {

using testing::JweReader;

constexpr std::string_view token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJiaWxsaW5nIn0.c2lnbmF0dXJl";

std::string octets_of(const std::vector<int>& numbers) {
  std::string out;
  for (const int number : numbers) out += static_cast<char>(number);
  return out;
}

std::string hex(std::string_view octets) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    out += {digits[octet >> 4U], digits[octet & 15U]};
  }
  return out;
}

/// Counts, so that what is drawn from it is known.
class CountingRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (auto& octet : out) octet = static_cast<std::byte>(next_++);
  }

 private:
  unsigned next_{0};
};

std::shared_ptr<const EncryptionKey> key_of(const JweReader& reader, KeyManagement alg) {
  return EncryptionKey::from_jwk(reader.jwk().dump(), alg).value();
}

void expect_round_trip(const JweReader& reader, KeyManagement alg) {
  SystemRandom random;
  const auto key = key_of(reader, alg);
  const auto jwe = encrypt_compact(*key, "at+jwt", token, random);
  const auto opened = reader.open(jwe);
  EXPECT_EQ(opened.content, token);
  EXPECT_EQ(opened.header.at("kid"), reader.jwk().at("kid"));
  EXPECT_EQ(opened.header.at("enc"), "A256GCM");
  EXPECT_EQ(opened.header.at("cty"), "JWT");
  EXPECT_EQ(opened.header.at("typ"), "at+jwt");
  EXPECT_EQ(opened.header.contains("epk"), alg == KeyManagement::ecdh_es_a256kw);
  EXPECT_FALSE(jwe.contains('='));

  const auto again = encrypt_compact(*key, "at+jwt", token, random);
  EXPECT_NE(jwe.substr(jwe.rfind('.')), again.substr(again.rfind('.')));
}

TEST(Rfc7516Encryption, TheReaderAloneOpensWhatWasEncryptedToRsa) {
  expect_round_trip(JweReader::rsa("r1"), KeyManagement::rsa_oaep_256);
  expect_round_trip(JweReader::rsa("r2", 3072), KeyManagement::rsa_oaep_256);
}

TEST(Rfc7516Encryption, TheReaderAloneOpensWhatWasEncryptedToACurve) {
  for (const auto* curve : {"P-256", "P-384", "P-521"}) {
    expect_round_trip(JweReader::ec(curve, curve), KeyManagement::ecdh_es_a256kw);
  }
}

TEST(Rfc7516Encryption, AnotherKeyOpensNothing) {
  SystemRandom random;
  const auto jwe = encrypt_compact(*key_of(JweReader::rsa("same"), KeyManagement::rsa_oaep_256),
                                   "at+jwt", token, random);
  EXPECT_THROW(std::ignore = JweReader::rsa("same").open(jwe), std::runtime_error);
}

TEST(Rfc7516Encryption, OneBitFlippedAnywhereOpensNothing) {
  SystemRandom random;
  const auto reader = JweReader::ec("e1");
  const auto jwe =
      encrypt_compact(*key_of(reader, KeyManagement::ecdh_es_a256kw), "at+jwt", token, random);
  for (std::size_t i = 0; i < jwe.size(); i += 7) {
    auto flipped = jwe;
    if (flipped[i] == '.') continue;
    flipped[i] = flipped[i] == 'A' ? 'B' : 'A';
    if (flipped == jwe) continue;
    EXPECT_ANY_THROW(std::ignore = reader.open(flipped)) << i;
  }
}

TEST(Rfc7516Encryption, ContentKeyAndNonceAreDrawnFromTheGivenRandomness) {
  CountingRandom random;
  const auto reader = JweReader::rsa("r1");
  const auto jwe =
      encrypt_compact(*key_of(reader, KeyManagement::rsa_oaep_256), "at+jwt", token, random);
  const auto second = jwe.find('.', jwe.find('.') + 1);
  const auto third = jwe.find('.', second + 1);
  EXPECT_EQ(hex(base64url_decode(jwe.substr(second + 1, third - second - 1)).value()),
            "202122232425262728292A2B");
}

TEST(Rfc7516Encryption, EveryTokenHasAnEphemeralKeyOfItsOwn) {
  SystemRandom random;
  const auto reader = JweReader::ec("e1");
  const auto key = key_of(reader, KeyManagement::ecdh_es_a256kw);
  std::set<std::string> points;
  for (int i = 0; i < 20; ++i) {
    const auto jwe = encrypt_compact(*key, "at+jwt", token, random);
    points.insert(reader.open(jwe).header.at("epk").at("x").get<std::string>());
  }
  EXPECT_EQ(points.size(), 20U);
}

TEST(Rfc7516Encryption, AKidIsEscapedInTheHeader) {
  SystemRandom random;
  const auto reader = JweReader::ec("a\"b\\c");
  const auto jwe =
      encrypt_compact(*key_of(reader, KeyManagement::ecdh_es_a256kw), "at+jwt", token, random);
  EXPECT_EQ(reader.open(jwe).header.at("kid"), "a\"b\\c");
}

TEST(Rfc7516Encryption, ManyThreadsEncryptToOneKey) {
  SystemRandom random;
  const auto reader = JweReader::ec("e1");
  const auto key = key_of(reader, KeyManagement::ecdh_es_a256kw);
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(reader.open(encrypt_compact(*key, "at+jwt", token, random)).content, token);
      }
    });
  }
}

TEST(Rfc7516Form, AJweIsToldFromAJwsAndFromGarbage) {
  SystemRandom random;
  const auto jwe = encrypt_compact(*key_of(JweReader::ec("e1"), KeyManagement::ecdh_es_a256kw),
                                   "at+jwt", token, random);
  EXPECT_TRUE(looks_like_jwe(jwe));
  EXPECT_FALSE(looks_like_jwe(token));
  EXPECT_FALSE(looks_like_jwe(jwe + ".x"));
  EXPECT_FALSE(looks_like_jwe("a.b.c.d.e"));
  EXPECT_FALSE(looks_like_jwe("...."));
  EXPECT_FALSE(looks_like_jwe(base64url(R"({"alg":"RS256"})") + ".a.b.c.d"));
  EXPECT_FALSE(looks_like_jwe(""));
}

// RFC 7518 Appendix C.
TEST(Rfc7518ConcatKdf, IsThatOfTheRfc) {
  const auto shared =
      octets_of({158, 86, 217, 29,  129, 113, 53,  211, 114, 131, 66,  131, 191, 132, 38,  156,
                 251, 49, 110, 163, 218, 128, 106, 72,  246, 218, 167, 121, 140, 254, 144, 196});
  std::array<std::uint8_t, 16> key{};
  concat_kdf(shared, {"A128GCM", "Alice", "Bob"}, key);
  EXPECT_EQ(base64url(key), "VqqN6vgjbSBcIijNcacQGg");
}

// RFC 3394 §4.6: 256 bits of key data with a 256-bit KEK.
TEST(Rfc7518KeyWrap, IsThatOfRfc3394) {
  Aes256Key wrapping;
  std::iota(wrapping.octets.begin(), wrapping.octets.end(), std::uint8_t{0});
  Aes256Key content;
  const auto data = octets_of({0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
                               0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05,
                               0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f});
  std::ranges::copy(data, content.octets.begin());
  EXPECT_EQ(hex(wrap_a256kw(wrapping, content)),
            "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21");
}

// RFC 7516 Appendix A.1.
TEST(Rfc7518A256Gcm, IsThatOfTheRfc) {
  Aes256Key key;
  std::ranges::copy(
      octets_of({177, 161, 244, 128, 84,  143, 225, 115, 63, 180, 3,   255, 107, 154, 212, 246,
                 138, 7,   110, 91,  112, 46,  34,  105, 47, 130, 203, 46,  122, 234, 64,  252}),
      key.octets.begin());
  GcmNonce nonce{227, 197, 117, 252, 2, 219, 233, 68, 180, 225, 77, 219};
  const auto sealed =
      seal_a256gcm(key, nonce, "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ",
                   "The true sign of intelligence is not knowledge but imagination.");
  EXPECT_EQ(base64url(sealed.ciphertext),
            "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A");
  EXPECT_EQ(base64url(sealed.tag), "XFBoMYUZodetZdvTiFvSkQ");
}

}  // namespace
}  // namespace grantd::jose
