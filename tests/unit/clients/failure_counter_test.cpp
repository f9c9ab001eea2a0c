#include "server/clients/failure_counter.h"

#include <gtest/gtest.h>

namespace grantd::clients {
namespace {

using namespace std::chrono_literals;

const SteadyTime start{1000s};

TEST(FailureCounter, CountsEachClientAndPeerApart) {
  FailureCounter counter(1);
  EXPECT_EQ(counter.count("a", "127.0.0.1", start), 1U);
  EXPECT_EQ(counter.count("a", "127.0.0.1", start), 2U);
  EXPECT_EQ(counter.count("a", "127.0.0.2", start), 1U);
  EXPECT_EQ(counter.count("b", "127.0.0.1", start), 1U);
}

TEST(FailureCounter, BeginsAnewAfterAMinute) {
  FailureCounter counter(1);
  EXPECT_EQ(counter.count("a", "p", start), 1U);
  EXPECT_EQ(counter.count("a", "p", start + 59s), 2U);
  EXPECT_EQ(counter.count("a", "p", start + 60s), 1U);
}

TEST(FailureCounter, StaysBoundedUnderEverNewIds) {
  FailureCounter counter(1, 64);
  for (int i = 0; i < 10000; ++i) {
    EXPECT_EQ(counter.count("id" + std::to_string(i), "p", start + i * 1ms), 1U);
  }
  EXPECT_EQ(counter.count("id9999", "p", start + 10s), 2U);
}

}  // namespace
}  // namespace grantd::clients
