#include "server/jose/mac.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace grantd::jose {
namespace {

std::string hex(const Sha256& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto octet : digest) {
    out += digits[octet >> 4U];
    out += digits[octet & 15U];
  }
  return out;
}

std::vector<std::uint8_t> octets(std::string_view text) { return {text.begin(), text.end()}; }

// FIPS 180-4, and RFC 4231 §4.2, §4.3, §4.7.
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Rfc4231HmacSha256, KnownAnswers) {
  EXPECT_EQ(hex(hmac_sha256(std::vector<std::uint8_t>(20, 0x0b), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256(octets("Jefe"), "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(std::vector<std::uint8_t>(131, 0xaa),
                            "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Rfc4231HmacSha256, AnEmptyKeyIsAKeyOfItsOwn) {
  const auto before = hmac_sha256(octets("Jefe"), "x");
  EXPECT_EQ(hex(hmac_sha256({}, "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  EXPECT_NE(hmac_sha256({}, "x"), before);
}

TEST(Rfc4231HmacSha256, ManyThreadsDoNotDisturbEachOther) {
  const auto key = octets("Jefe");
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&key, t] {
      const std::string message = "message " + std::to_string(t);
      const auto first = hmac_sha256(key, message);
      for (int i = 0; i < 2000; ++i) ASSERT_EQ(hmac_sha256(key, message), first);
    });
  }
}

TEST(ConstantTimeCompare, SeesEveryOctet) {
  const Sha256 a = sha256("a");
  EXPECT_TRUE(equal_in_constant_time(a, a));
  for (std::size_t i = 0; i < a.size(); ++i) {
    Sha256 b = a;
    b[i] ^= 1U;
    EXPECT_FALSE(equal_in_constant_time(a, b));
  }
}

}  // namespace
}  // namespace grantd::jose
