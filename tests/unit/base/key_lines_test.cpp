#include "server/base/key_lines.h"

#include <gtest/gtest.h>

namespace grantd {
namespace {

const std::string line(64, 'a');

TEST(KeyLines, KeepTheirOrderAndPassOverEmptyLines) {
  const auto keys = parse_key_lines("\n" + line + "\r\n\n" + std::string(64, 'B'), "pepper");
  ASSERT_TRUE(keys) << keys.error();
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_EQ((*keys)[0].octets[0], 0xaa);
  EXPECT_EQ((*keys)[1].octets[31], 0xbb);
}

TEST(KeyLines, NameTheLineThatIsNoneAndNeverItsContent) {
  const auto keys = parse_key_lines(line + "\nsecret", "wrapping key");
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error(),
            "line 2 of the wrapping key file has 6 characters that are no wrapping key, expected "
            "64 hex digits");
}

TEST(KeyLines, AreAtMostSixtyFour) {
  std::string content;
  for (std::size_t i = 0; i < max_key_lines; ++i) content += line + "\n";
  EXPECT_TRUE(parse_key_lines(content, "pepper"));
  const auto keys = parse_key_lines(content + line, "pepper");
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error(),
            "line 65 of the pepper file is one too many, expected at most 64 peppers");
}

TEST(KeyLines, AreLeftEmptyWhereTheyWereMovedFrom) {
  auto keys = parse_key_lines(line, "pepper");
  ASSERT_TRUE(keys);
  const KeyLine taken = std::move(keys->front());
  EXPECT_EQ(taken.octets[0], 0xaa);
  EXPECT_EQ(keys->front().octets, KeyLine().octets);  // NOLINT(bugprone-use-after-move): its point
}

TEST(KeyLines, AGeneratedOneIsReadBack) {
  SystemRandom random;
  const auto made = generate_key_line(random);
  EXPECT_TRUE(parse_key_lines(made.view(), "pepper"));
}

}  // namespace
}  // namespace grantd
