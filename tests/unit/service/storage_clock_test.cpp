#include "server/service/storage_clock.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace grantd::service {
namespace {

using namespace std::chrono_literals;
using testing::ManualClock;

class StorageTime : public ::testing::Test {
 protected:
  /// A reading whose answer took that long, of a clock that far ahead when it was half there.
  void read(std::chrono::nanoseconds took, std::chrono::nanoseconds ahead) {
    const auto sent = node.steady();
    const auto database = node.now() + took / 2 + ahead;
    node.advance(took);
    clock.learn(database, sent);
  }

  ManualClock node;
  StorageClock clock{node};
};

TEST_F(StorageTime, IsTheNodesBeforeTheFirstReading) {
  EXPECT_EQ(clock.now(), node.now());
  node.step(1h);
  EXPECT_EQ(clock.now(), node.now());
  EXPECT_EQ(clock.ahead(), std::nullopt);
}

TEST_F(StorageTime, IsTheDatabasesFromTheFirstReadingOn) {
  read(10ms, 7s);
  EXPECT_EQ(clock.now(), node.now() + 7s);
  EXPECT_EQ(clock.ahead(), 7s);
  node.advance(1min);
  EXPECT_EQ(clock.now(), node.now() + 7s);
  EXPECT_EQ(clock.steady(), node.steady());
}

TEST_F(StorageTime, DoesNotMoveWhenSomebodySetsTheNodesClock) {
  read(0ms, 0s);
  const auto before = clock.now();
  node.step(-1h);
  EXPECT_EQ(clock.now(), before);
  EXPECT_EQ(clock.ahead(), 1h) << "and says so at once";
}

TEST_F(StorageTime, StaysWhereTheNextReadingAllowsIt) {
  read(2ms, 100ms);
  read(20ms, 100ms + 5ms);  // on the way there for 15 ms, on the way back for 5
  EXPECT_EQ(clock.ahead(), 100ms);
}

TEST_F(StorageTime, MovesNoFurtherThanAReadingProves) {
  read(2ms, 100ms);
  read(10ms, 200ms);
  EXPECT_EQ(clock.ahead(), 195ms) << "half of 10 ms may have been the way back";
  read(10ms, -50ms);
  EXPECT_EQ(clock.ahead(), -45ms);
}

TEST_F(StorageTime, IsNotMovedByAReadingThatTookSeconds) {
  read(2ms, 100ms);
  read(3s, 900ms);
  EXPECT_EQ(clock.ahead(), 100ms);
}

TEST_F(StorageTime, OfASlowFirstReadingIsMendedByAQuickOne) {
  read(4s, 2s);  // all of it on the way back: 2 s too many
  EXPECT_EQ(clock.ahead(), 2s);
  read(2ms, 0s);
  EXPECT_EQ(clock.ahead(), 1ms);
}

TEST_F(StorageTime, FollowsAFailoverToADatabaseWithAnotherClock) {
  read(2ms, 0s);
  read(2ms, 10s);
  EXPECT_NEAR(static_cast<double>(clock.ahead()->count()), 10e9, 2e6);
}

}  // namespace
}  // namespace grantd::service
