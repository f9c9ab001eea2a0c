#include "server/base/freshness.h"

#include <gtest/gtest.h>

namespace grantd {
namespace {

using namespace std::chrono_literals;
using Doubt = Freshness::Doubt;

constexpr SteadyTime start{1000s};

class SharedFreshness : public ::testing::Test {
 protected:
  Freshness freshness{{1s, 5min}, start};
};

TEST(FreshnessOfADatabaseOfOnesOwn, IsNeverInDoubt) {
  Freshness freshness({}, start);
  freshness.set_answers(false);
  EXPECT_FALSE(freshness.is_shared());
  EXPECT_EQ(freshness.doubts_current(start + 8760h), std::nullopt);
  EXPECT_EQ(freshness.doubts_issuing(start + 8760h), std::nullopt);
  EXPECT_EQ(freshness.grace_ends(), std::nullopt);
  EXPECT_FALSE(freshness.answers());
  freshness.read(start, false);
  EXPECT_EQ(freshness.doubts_unknown(start), std::nullopt) << "this server alone signs";
}

TEST_F(SharedFreshness, IsCurrentForAsLongAsTheLastReadingIsNoOlderThanTheBound) {
  EXPECT_EQ(freshness.doubts_current(start + 1s), std::nullopt);
  EXPECT_EQ(freshness.doubts_current(start + 1s + 1ns), Doubt::stale);
  freshness.read(start + 1s);
  EXPECT_EQ(freshness.doubts_current(start + 2s), std::nullopt);
}

TEST_F(SharedFreshness, MayIssueUntilTheGraceIsOver) {
  EXPECT_TRUE(freshness.is_shared());
  EXPECT_EQ(freshness.doubts_issuing(start + 5min), std::nullopt);
  EXPECT_EQ(freshness.doubts_issuing(start + 5min + 1ns), Doubt::grace_over);
  EXPECT_EQ(freshness.grace_ends(), start + 5min);
  freshness.read(start + 6min);
  EXPECT_EQ(freshness.doubts_issuing(start + 11min), std::nullopt);
  EXPECT_EQ(freshness.grace_ends(), start + 11min);
}

TEST_F(SharedFreshness, KeysThatWereReadAndAreNotShownYetAreNoFresherForIt) {
  freshness.read(start + 6min, false);
  EXPECT_EQ(freshness.doubts_current(start + 6min), Doubt::stale) << "one of them may have leaked";
  EXPECT_EQ(freshness.doubts_issuing(start + 6min), Doubt::grace_over);
  EXPECT_EQ(freshness.grace_ends(), start + 5min);
  freshness.read(start + 6min, true);
  EXPECT_EQ(freshness.doubts_current(start + 6min), std::nullopt);
  EXPECT_EQ(freshness.doubts_issuing(start + 6min), std::nullopt);
}

TEST_F(SharedFreshness, SaysOfWhatItDoesNotKnowOnlyWhatAllThatWasReadAllows) {
  EXPECT_EQ(freshness.doubts_unknown(start + 1s), std::nullopt);
  EXPECT_EQ(freshness.doubts_unknown(start + 1s + 1ns), Doubt::stale);
  freshness.read(start + 2s, false);
  EXPECT_EQ(freshness.doubts_unknown(start + 2s), Doubt::stale) << "keys that are not shown yet";
  freshness.read(start + 2s, true);
  EXPECT_EQ(freshness.doubts_unknown(start + 2s), std::nullopt);
  freshness.set_clock_trusted(false);
  EXPECT_EQ(freshness.doubts_unknown(start + 2s), Doubt::clock_off) << "expired, by which clock?";
}

TEST_F(SharedFreshness, AnUnansweredQuestionAloneTakesNothingAway) {
  freshness.set_answers(false);
  EXPECT_EQ(freshness.doubts_current(start), std::nullopt);
  EXPECT_EQ(freshness.doubts_issuing(start), std::nullopt);
}

TEST_F(SharedFreshness, AClockThatIsOffEndsIssuingAndNothingElse) {
  freshness.set_clock_trusted(false);
  EXPECT_EQ(freshness.doubts_issuing(start), Doubt::clock_off);
  EXPECT_EQ(freshness.doubts_current(start), std::nullopt)
      << "what is revoked is known by the database's time";
  EXPECT_EQ(freshness.doubts_issuing(start + 1h), Doubt::grace_over) << "the graver one is named";
  freshness.set_clock_trusted(true);
  EXPECT_EQ(freshness.doubts_issuing(start), std::nullopt);
}

TEST_F(SharedFreshness, AReloadChangesTheBounds) {
  freshness.set_bounds({2s, 10s});
  EXPECT_EQ(freshness.doubts_current(start + 2s), std::nullopt);
  EXPECT_NE(freshness.doubts_issuing(start + 11s), std::nullopt);
}

}  // namespace
}  // namespace grantd
