// What is swept of a real SQLite file, and when nothing is: the database's clock is the test's.
#include "server/service/sweeper.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "server/cli/migrate.h"
#include "server/service/storage.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace grantd::service {
namespace {

using namespace std::chrono_literals;
using testing::ManualClock;

constexpr auto skew = 30s;
const std::string jti(32, 'a');
constexpr auto expires_at = ManualClock::start + 5min;

std::unique_ptr<storage::Storage> open(const std::filesystem::path& file) {
  config::Config::Storage settings;
  settings.sqlite_path = file;
  auto opened = open_storage(settings, CreateStorage::yes).value();
  EXPECT_TRUE(cli::migrate(*opened, ManualClock::start));
  return opened;
}

std::shared_ptr<const grants::Policy> policy_with_skew() {
  auto policy = std::make_shared<grants::Policy>();
  policy->clock_skew = skew;
  return policy;
}

class Sweeping : public ::testing::Test {
 protected:
  explicit Sweeping(Freshness::Bounds bounds) : freshness(bounds, node.steady()) {
    EXPECT_TRUE(database->revoke({jti, expires_at}, ManualClock::start, "client:c"));
    revocations.revoke(jti, expires_at);
    read_clock(0s);
  }
  /// The database's clock is `ahead` of the node's from now on.
  void read_clock(std::chrono::seconds ahead) { clock.learn(node.now() + ahead, node.steady()); }
  void pass(std::chrono::nanoseconds time) {
    node.advance(time);
    sweeper.turn();
  }
  [[nodiscard]] bool is_kept() {
    const bool stored = database->find_revocation(jti).value().has_value();
    EXPECT_EQ(revocations.size(), stored ? 1U : 0U) << "memory goes with the database";
    return stored;
  }

  testing::TempDir directory;
  ManualClock node;
  StorageClock clock{node};
  std::unique_ptr<storage::Storage> database = open(directory / "grantd.db");
  tokens::Revocations revocations;
  tokens::StatusLists status_lists;
  Snapshot<grants::Policy> policy{policy_with_skew()};
  Freshness freshness;
  bool urged{false};
  Sweeper sweeper{
      {*database, revocations, status_lists, policy, freshness, clock, [this] { return urged; }}};
};

struct SweepingAlone : Sweeping {
  SweepingAlone() : Sweeping({}) {}
};
struct SweepingShared : Sweeping {
  SweepingShared() : Sweeping({1s, 60s}) {}
};

TEST_F(SweepingAlone, ForgetsWhatHasExpired) {
  pass(5min - 1s);
  EXPECT_TRUE(is_kept());
  pass(Sweeper::interval);
  EXPECT_FALSE(is_kept());
}

TEST_F(SweepingShared, KeepsWhatHasExpiredForAMarginThatOtherNodesClocksMayNeed) {
  pass(5min + skew + Sweeper::keep_expired - 1s);
  EXPECT_TRUE(is_kept());
  pass(Sweeper::interval);
  EXPECT_FALSE(is_kept());
}

TEST_F(SweepingShared, KeepsEverythingWhileTheClockIsNotTrusted) {
  for (const auto off : {std::chrono::seconds{1h}, -std::chrono::seconds{skew} - 1s}) {
    read_clock(off);
    pass(1min);
    EXPECT_TRUE(is_kept()) << off.count();
  }
  read_clock(0s);
  pass(1min);
  EXPECT_TRUE(is_kept()) << "a token that lives stays revoked";
  pass(24h);
  EXPECT_FALSE(is_kept());
}

TEST_F(SweepingShared, KeepsWhatATrustedClockThatIsAheadTakesForExpired) {
  read_clock(skew);
  pass(5min);
  EXPECT_TRUE(is_kept());
}

TEST_F(SweepingShared, LeavesTheRestForLaterWhereSomethingUrgentWaits) {
  urged = true;
  pass(1h);
  EXPECT_TRUE(database->find_revocation(jti).value()) << "not begun";
  urged = false;
  pass(Sweeper::interval);
  EXPECT_FALSE(is_kept());
}

}  // namespace
}  // namespace grantd::service
