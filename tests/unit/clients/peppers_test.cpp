#include "server/clients/peppers.h"

#include <gtest/gtest.h>

namespace grantd::clients {
namespace {

const std::string first(64, '1');
const std::string second(64, '2');

TEST(PepperFile, FaultsNameTheLineAndNeverItsContent) {
  const auto parsed = Peppers::parse(first + "\nsecret-but-short\n");
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().find("line 2"), std::string::npos);
  EXPECT_EQ(parsed.error().find("secret-but-short"), std::string::npos);
  EXPECT_FALSE(Peppers::parse(""));
  EXPECT_FALSE(Peppers::parse("\n\n"));
  EXPECT_FALSE(Peppers::parse(std::string(63, '1') + "g"));
}

TEST(PepperFile, AMissingFileIsAFaultThatSaysHowToMakeOne) {
  const auto loaded = Peppers::load("/nonexistent/pepper");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().find("openssl rand -hex 32"), std::string::npos);
  EXPECT_NE(loaded.error().find("grantd init"), std::string::npos);
}

TEST(PepperFile, TheFirstLineMakesNewDigestsAndAllCheck) {
  const auto old = Peppers::parse(first);
  const auto rotated = Peppers::parse(second + "\r\n" + first + "\n");
  ASSERT_TRUE(old && rotated);
  EXPECT_NE(rotated->current().pepper_id, old->current().pepper_id);
  EXPECT_EQ(rotated->digest(old->current().pepper_id, "s"), old->digest_with_current("s"));
  EXPECT_EQ(rotated->digest(rotated->current().pepper_id, "s"), rotated->digest_with_current("s"));
  EXPECT_FALSE(old->digest(rotated->current().pepper_id, "s"));
}

TEST(PepperFile, ALineInUseThatIsMissingIsNamed) {
  const auto old = Peppers::parse(first);
  const auto rotated = Peppers::parse(second + "\n" + first);
  const auto only_new = Peppers::parse(second);
  const std::vector<storage::PepperCheck> in_use{old->current()};
  EXPECT_TRUE(rotated->covers(in_use));
  const auto covered = only_new->covers(in_use);
  ASSERT_FALSE(covered);
  EXPECT_NE(covered.error().find(old->current().pepper_id), std::string::npos);
}

TEST(PepperFile, ACheckValueOfAnotherPepperIsNoticed) {
  const auto peppers = Peppers::parse(first);
  auto in_use = peppers->current();
  in_use.check[0] ^= 1U;
  EXPECT_FALSE(peppers->covers(std::vector{in_use}));
}

TEST(PepperFile, AGeneratedLineIsAPepperFile) {
  SystemRandom random;
  const auto line = Peppers::generate_line(random);
  EXPECT_TRUE(Peppers::parse(line.view()));
}

}  // namespace
}  // namespace grantd::clients
