#include "server/base/deflate.h"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

#include "tests/support/inflate.h"

namespace grantd {
namespace {

/// Octets that do not compress.
std::string noise(std::size_t size) {
  std::mt19937 random(1);
  std::string out(size, '\0');
  for (auto& octet : out) octet = static_cast<char>(random());
  return out;
}

TEST(Deflate, AnotherImplementationReadsItBack) {
  for (const auto& octets :
       {std::string(), std::string("x"), std::string(100'000, '\0'), noise(1), noise(100'000)}) {
    EXPECT_EQ(testing::inflate(zlib_compress_runs(octets)), octets);
    EXPECT_EQ(testing::inflate(gzip_compress(octets)), octets);
  }
}

TEST(Deflate, EachFormatHasItsOwnHead) {
  // RFC 1950 §2.2: 32 KiB window; RFC 1952 §2.3.1: no name, no time.
  EXPECT_EQ(zlib_compress_runs("x").substr(0, 2), "\x78\x01");
  EXPECT_EQ(gzip_compress("x").substr(0, 8), std::string("\x1f\x8b\x08\0\0\0\0\0", 8));
}

TEST(Deflate, EqualInputGivesEqualOutput) {
  const auto octets = noise(10'000);
  EXPECT_EQ(zlib_compress_runs(octets), zlib_compress_runs(octets));
  EXPECT_EQ(gzip_compress(octets), gzip_compress(octets));
}

TEST(Deflate, AnEmptyBitArrayNearlyVanishes) {
  EXPECT_LT(zlib_compress_runs(std::string(131'072, '\0')).size(), 200U);
}

TEST(Deflate, ASparseBitArrayComesNearToWhatItsInformationTakes) {
  // One bit in a hundred: 10,099 octets by Shannon.
  std::mt19937 random(1);
  std::string octets(131'072, '\0');
  for (int i = 0; i < 10'000; ++i) {
    auto& octet = octets[random() % 125'000];
    octet = static_cast<char>(static_cast<unsigned char>(octet) | 1U << (random() % 8));
  }
  EXPECT_LT(zlib_compress_runs(octets).size(), 15'500U);
}

TEST(Deflate, MoreThanItsLimitIsRefused) {
  // Only the length is looked at: nothing is read behind it.
  const std::string_view too_long("", max_compress_bytes + 1);
  EXPECT_THROW(static_cast<void>(zlib_compress_runs(too_long)), std::length_error);
  EXPECT_THROW(static_cast<void>(gzip_compress(too_long)), std::length_error);
}

}  // namespace
}  // namespace grantd
