#include "server/jose/base64url.h"

#include <gtest/gtest.h>

#include <string>

namespace grantd::jose {
namespace {

using std::string_view_literals::operator""sv;

struct Pair {
  std::string_view octets;
  std::string_view text;
};

// RFC 4648 §10, without padding, and what only differs in the alphabet.
constexpr Pair vectors[] = {
    {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
    {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfd", "__79"},
    {"\0\0"sv, "AAA"}};

TEST(Rfc4648Base64url, EncodesWithoutPadding) {
  for (const auto& [octets, text] : vectors) EXPECT_EQ(base64url(octets), text);
}

TEST(Rfc4648Base64url, DecodesWhatItEncodes) {
  for (const auto& [octets, text] : vectors) EXPECT_EQ(base64url_decode(text), octets);
}

TEST(Rfc4648Base64url, EveryLengthComesBackAsItWas) {
  std::string octets;
  for (int i = 0; i < 512; ++i) {
    ASSERT_EQ(base64url_decode(base64url(octets)), octets);
    octets += static_cast<char>(i * 7);
  }
}

TEST(Rfc4648Base64url, RefusesPaddingWhiteSpaceAndTheOtherAlphabet) {
  for (const auto text : {"Zg=="sv, "Zg="sv, "Zm9v\n"sv, " Zm9v"sv, "Zm 9v"sv, "//79"sv, "++++"sv,
                          "Zm9\0"sv, "Zm\xc3\xa9"sv, "Zm9v."sv}) {
    EXPECT_EQ(base64url_decode(text), std::nullopt) << text;
  }
}

TEST(Rfc4648Base64url, RefusesASecondSpellingOfTheSameOctets) {
  EXPECT_EQ(base64url_decode("Zh"), std::nullopt);
  EXPECT_EQ(base64url_decode("Zm9"), std::nullopt);
  EXPECT_EQ(base64url_decode("Z"), std::nullopt);
  EXPECT_EQ(base64url_decode("Zm9vZ"), std::nullopt);
}

TEST(Rfc4648Base64, TakesItsOwnAlphabetWithPaddingOrWithout) {
  EXPECT_EQ(base64_decode("Zg=="), "f");
  EXPECT_EQ(base64_decode("Zg"), "f");
  EXPECT_EQ(base64_decode("Zm8="), "fo");
  EXPECT_EQ(base64_decode("//79"), "\xff\xfe\xfd");
  EXPECT_EQ(base64_decode("Zm9v"), "foo");
  EXPECT_EQ(base64_decode(""), "");
}

TEST(Rfc4648Base64, RefusesPaddingThatDoesNotFillTheLastGroup) {
  for (const auto text : {"Zg="sv, "Zm9v="sv, "Zm9v=="sv, "===="sv, "="sv, "Z==="sv, "Zg==Zg=="sv,
                          "__79"sv, "Zg ="sv}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace grantd::jose
