#include "server/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>

namespace grantd {
namespace {

/// 0, 1, 2, …, 255, 0, …
class CountingRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& octet : out) octet = std::byte{next_++};
  }

 private:
  unsigned char next_{0};
};

TEST(SystemRandom, FillsAllOfALargeBuffer) {
  SystemRandom random;
  std::string first(1'000'000, '\0');
  random.fill(std::as_writable_bytes(std::span(first)));
  // A million octets without one of the 256 values, or ending in 16 zeros, means it stopped early.
  EXPECT_EQ(std::set<char>(first.begin(), first.end()).size(), 256U);
  EXPECT_NE(first.substr(first.size() - 16), std::string(16, '\0'));
}

TEST(SystemRandom, NeverRepeatsItself) {
  SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_hex(random, 16));
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(RandomHex, WritesEachOctetAsTwoLowerCaseDigits) {
  CountingRandom random;
  EXPECT_EQ(random_hex(random, 12), "000102030405060708090a0b");
  EXPECT_EQ(random_hex(random, 0), "");
}

TEST(RandomText, DrawsEveryCharacterEquallyOften) {
  CountingRandom random;
  // 256 is no multiple of 36: the last four octets of a round must be thrown away.
  const std::string alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  const std::string text = random_text(random, 252 * 4, alphabet);
  for (const char c : alphabet) EXPECT_EQ(std::ranges::count(text, c), 28) << c;
}

TEST(RandomText, TakesAlphabetsOfTwoTo256Characters) {
  CountingRandom random;
  EXPECT_EQ(random_text(random, 4, "01"), "0101");
  EXPECT_THROW((void)random_text(random, 1, ""), std::invalid_argument);
  EXPECT_THROW((void)random_text(random, 1, "a"), std::invalid_argument);
  EXPECT_THROW((void)random_text(random, 1, std::string(257, 'a')), std::invalid_argument);
}

}  // namespace
}  // namespace grantd
