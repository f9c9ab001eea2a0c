#include "server/endpoints/feed_query.h"

#include <gtest/gtest.h>

namespace grantd::endpoints {
namespace {

using std::chrono::seconds;

std::string reason_of(std::string_view query) {
  const auto parsed = FeedQuery::parse(query);
  return parsed ? "taken" : parsed.error().cause;
}

TEST(FeedQuery, WhatIsNoNumberIsRefused) {
  EXPECT_EQ(reason_of("since="), "malformed_since");
  EXPECT_EQ(reason_of("since"), "malformed_since");
  EXPECT_EQ(reason_of("since=-1"), "malformed_since");
  EXPECT_EQ(reason_of("since=+1"), "malformed_since");
  EXPECT_EQ(reason_of("since=1%201"), "malformed_since");
  EXPECT_EQ(reason_of("since=9223372036854775808"), "malformed_since");
  EXPECT_EQ(reason_of("wait=30s"), "malformed_wait");
  EXPECT_EQ(reason_of("wait=0.5"), "malformed_wait");
}

TEST(FeedQuery, WhatIsRepeatedMalformedOrSecretIsRefused) {
  EXPECT_EQ(reason_of("since=1&since=1"), "repeated_parameter");
  EXPECT_EQ(reason_of("wait=1&wait="), "repeated_parameter");
  EXPECT_EQ(reason_of("since=%g1"), "malformed_query");
  EXPECT_EQ(reason_of("x=%ff"), "malformed_query");
  EXPECT_EQ(reason_of("since=1&token=a"), "credentials_in_query");
}

TEST(FeedQuery, WithoutParametersItAsksForEverythingAtOnce) {
  const auto query = FeedQuery::parse("");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->since, std::nullopt);
  EXPECT_EQ(query->wait, seconds(0));
}

TEST(FeedQuery, NumbersAreTakenAndUnknownParametersPassedOver) {
  const auto query = FeedQuery::parse("a=1&since=9223372036854775807&a=2&&wait=30");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->since, 9223372036854775807);
  EXPECT_EQ(query->wait, seconds(30));
  EXPECT_EQ(FeedQuery::parse("since=0")->since, 0);
  EXPECT_EQ(FeedQuery::parse("wait=9223372036854775807")->wait, max_feed_query_wait);
}

}  // namespace
}  // namespace grantd::endpoints
