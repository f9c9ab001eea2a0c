// What one round of the following thread does, on a real SQLite file; the pulse (whether the
// database answers, and its clock) is the test's.
#include "server/service/following.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "server/cli/migrate.h"
#include "server/service/storage.h"
#include "tests/support/manual_clock.h"
#include "tests/support/on_loop.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/observe/stdout_pipe.h"

namespace grantd::service {
namespace {

using namespace std::chrono_literals;
using storage::ChangeKind;
using testing::ManualClock;

constexpr auto skew = 30s;
const std::string jti(32, 'a');

class Pulse final : public storage::PulseStore {
 public:
  explicit Pulse(const Clock& node) : node_(node) {}
  storage::StoreResult<void> ping() override { return {}; }
  storage::StoreResult<std::optional<WallTime>> clock() override {
    if (away) return std::unexpected(storage::StoreError{});
    return node_.now() + ahead;
  }

  bool away{false};
  std::chrono::seconds ahead{0};

 private:
  const Clock& node_;
};

std::unique_ptr<storage::Storage> open(const std::filesystem::path& file, sys_seconds now) {
  config::Config::Storage settings;
  settings.sqlite_path = file;
  auto opened = open_storage(settings, CreateStorage::yes).value();
  EXPECT_TRUE(cli::migrate(*opened, now));
  return opened;
}

using Events = std::vector<std::string>;

Events events(const std::string& log) {
  Events names;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    names.push_back(nlohmann::json::parse(line).at("event").get<std::string>());
  }
  return names;
}

std::shared_ptr<const grants::Policy> policy_with_skew() {
  auto policy = std::make_shared<grants::Policy>();
  policy->clock_skew = skew;
  return policy;
}

class FollowingThread : public ::testing::Test {
 protected:
  FollowingThread() { follower.subscribe(changes.subscriber()); }
  void TearDown() override { pool.join(); }

  void turn() { following.turn(); }
  /// The database file is elsewhere.
  void take_away() { std::filesystem::rename(file, directory / "away.db"); }
  void bring_back() { std::filesystem::rename(directory / "away.db", file); }
  [[nodiscard]] bool metric(const std::string& line) const {
    return metrics.text().find(line) != std::string::npos;
  }
  [[nodiscard]] bool is_revoked(const std::string& id) const {
    tokens::Claims claims;
    claims.jti = id;
    claims.issued_at = floor_seconds(node.now());
    return revocations.is_revoked(claims);
  }
  /// What it logs where its turns are taken by `use`.
  std::string logged(const std::function<void(Following&)>& use) {
    const observe::StdoutPipe out;
    {
      observe::Log audible(node, observe::Level::info, observe::Format::json);
      Following loud({pulse, follower, changes, clock, freshness, policy, revocations, feed,
                      audible, metrics});
      use(loud);
    }
    return out.read();
  }
  void revoke(const std::string& id) {
    const auto now = floor_seconds(node.now());
    ASSERT_TRUE(database->revoke({id, now + 1h}, now, "client:c"));
  }
  void change_key(ChangeKind kind) {
    ASSERT_TRUE(database->update_keys(
        [kind](const auto&) -> std::expected<storage::KeyStore::Update, std::string> {
          storage::KeyStore::Update update;
          update.changes.emplace_back(kind, "kid");
          return update;
        },
        floor_seconds(node.now()), "server"));
  }

  testing::TempDir directory;
  const std::filesystem::path file = directory / "grantd.db";
  ManualClock node;
  StorageClock clock{node};
  std::unique_ptr<storage::Storage> database = open(file, floor_seconds(node.now()));
  Pulse pulse{node};
  observe::Log log{node, observe::Level::error, observe::Format::json};
  observe::Metrics metrics;
  BlockingPool pool{1, 16};
  clients::ClientCache clients{*database, pool, {}};
  tokens::Revocations revocations;
  tokens::StatusLists status_lists;
  tokens::StatusIndexes status_indexes{
      [](sys_seconds) { return std::nullopt; }, {3600s, 64}, pool, clock};
  WakeHub feed;
  /// Of the feed, where the keys were said to have changed; and whether it is to be woken then.
  std::vector<std::pair<std::uint64_t, bool>> keys_changed;
  Changes changes{
      {*database, *database, clients, revocations, status_lists, status_indexes,
       [this](bool then_wake) { keys_changed.emplace_back(feed.generation(), then_wake); }, feed,
       log}};
  storage::ChangeFollower follower{*database, 0};
  Freshness freshness{{1s, 60s}, node.steady()};
  Snapshot<grants::Policy> policy{policy_with_skew()};
  Following following{
      {pulse, follower, changes, clock, freshness, policy, revocations, feed, log, metrics}};
};

TEST_F(FollowingThread, BringsARevocationIntoForceAndWakesTheFeed) {
  revoke(jti);
  EXPECT_FALSE(is_revoked(jti));
  turn();
  EXPECT_TRUE(is_revoked(jti));
  EXPECT_EQ(feed.generation(), 1U);
  EXPECT_TRUE(keys_changed.empty());
  turn();
  EXPECT_EQ(feed.generation(), 1U) << "nothing new";
}

TEST_F(FollowingThread, BringsABurstOfMoreThanOneBatchIntoForceInOneTurn) {
  constexpr std::size_t count = Changes::batch + 10;
  const auto id = [](std::size_t n) {
    auto digits = std::to_string(n);
    return std::string(32 - digits.size(), '0') + digits;
  };
  {
    constexpr std::size_t writers = 16;  // who revoke at the same time share a flush of the disk
    std::vector<std::jthread> threads;
    threads.reserve(writers);
    for (std::size_t writer = 0; writer < writers; ++writer) {
      threads.emplace_back([&, writer] {
        for (std::size_t n = writer; n < count; n += writers) revoke(id(n));
      });
    }
  }
  turn();
  for (std::size_t n = 0; n < count; ++n) EXPECT_TRUE(is_revoked(id(n))) << n;
}

TEST_F(FollowingThread, BringsNotBeforeTimesIntoForce) {
  const auto now = floor_seconds(node.now());
  ASSERT_TRUE(database->set_not_before({"", now, now + 1h}, "operator:o"));
  turn();
  EXPECT_TRUE(is_revoked(jti)) << "all that was issued until now";
  EXPECT_EQ(feed.generation(), 1U);
}

TEST_F(FollowingThread, TellsMaintenanceOfKeysAndWakesNobodyForThem) {
  change_key(ChangeKind::key_published);
  turn();
  EXPECT_EQ(keys_changed, (std::vector{std::pair{std::uint64_t{0}, false}}));
  EXPECT_EQ(feed.generation(), 0U);
}

TEST_F(FollowingThread, LeavesWakingTheFeedToMaintenanceWhereAKeyHasLeaked) {
  revoke(jti);
  change_key(ChangeKind::key_compromised);
  turn();
  EXPECT_EQ(keys_changed, (std::vector{std::pair{std::uint64_t{0}, true}}));
  EXPECT_EQ(feed.generation(), 0U) << "what the readers get must not be signed with that key";
  EXPECT_TRUE(is_revoked(jti)) << "which nothing waits for";
}

TEST_F(FollowingThread, ForgetsAClientThatChangedAndNotOneThatWasCachedSinceItWasCreated) {
  const auto find = [this] { return testing::on_loop(clients.find("c1")).value(); };
  storage::ClientRecord client;
  client.id = "c1";
  client.name = "before";
  storage::SecretRecord secret;
  secret.secret_id = "secret000001";
  secret.pepper_id = "pepper";
  ASSERT_TRUE(database->register_pepper({secret.pepper_id, {}}, floor_seconds(node.now())));
  ASSERT_TRUE(database->create_client(client, secret, "operator:o"));
  const auto cached = find();
  turn();
  EXPECT_EQ(find(), cached);
  ASSERT_TRUE(database->update_client(
      "c1", [](storage::ClientRecord& record) { record.name = "after"; }, floor_seconds(node.now()),
      "operator:o"));
  EXPECT_EQ(find(), cached);
  turn();
  EXPECT_EQ(find()->client.name, "after");
}

TEST_F(FollowingThread, SaysHowFreshThisNodeIs) {
  node.advance(2s);
  EXPECT_NE(freshness.doubts_current(node.steady()), std::nullopt);
  turn();
  EXPECT_EQ(freshness.read_at(), node.steady());
  EXPECT_TRUE(metric("grantd_storage_available 1"));
}

TEST_F(FollowingThread, ThatReadAChangeOfKeysIsNoFresherUntilItIsInForce) {
  bool behind = true;
  Following slow({pulse, follower, changes, clock, freshness, policy, revocations, feed, log,
                  metrics, [&behind] { return behind; }});
  const auto ends = freshness.grace_ends();
  ASSERT_TRUE(ends);
  node.advance(2s);
  slow.turn();
  EXPECT_EQ(freshness.doubts_current(node.steady()), Freshness::Doubt::stale);
  EXPECT_EQ(freshness.grace_ends(), ends);
  behind = false;
  slow.turn();
  EXPECT_EQ(freshness.doubts_current(node.steady()), std::nullopt);
  EXPECT_EQ(freshness.grace_ends(), *ends + 2s);
}

TEST_F(FollowingThread, OfADatabaseThatIsAwayMarksNothingAsRead) {
  turn();
  const auto before = freshness.read_at();
  take_away();
  node.advance(10s);
  turn();
  EXPECT_EQ(freshness.read_at(), before);
  EXPECT_FALSE(freshness.answers());
  EXPECT_TRUE(metric("grantd_storage_available 0"));
  EXPECT_TRUE(metric("grantd_storage_failures_total 1"));
  EXPECT_EQ(feed.generation(), 1U) << "readers that wait here are told to ask another node";
  turn();
  EXPECT_TRUE(metric("grantd_storage_failures_total 1")) << "once an outage";
  EXPECT_EQ(feed.generation(), 1U);
  bring_back();
  turn();
  EXPECT_TRUE(freshness.answers());
  EXPECT_EQ(freshness.doubts_current(node.steady()), std::nullopt);
}

TEST_F(FollowingThread, KnowsTheDatabasesTimeWhateverTheNodesClockSays) {
  pulse.ahead = 20s;
  turn();
  EXPECT_EQ(clock.now(), node.now() + 20s);
  EXPECT_EQ(freshness.doubts_issuing(node.steady()), std::nullopt);
  EXPECT_TRUE(metric("grantd_storage_clock_ahead_seconds 20"));
}

TEST_F(FollowingThread, DistrustsANodesClockFurtherOffThanTheSkew) {
  for (const auto off : {skew + 1s, -skew - 1s}) {
    pulse.ahead = off;
    turn();
    EXPECT_EQ(freshness.doubts_issuing(node.steady()), Freshness::Doubt::clock_off);
    pulse.ahead = skew;
    turn();
    EXPECT_EQ(freshness.doubts_issuing(node.steady()), std::nullopt);
  }
  EXPECT_TRUE(metric("grantd_clock_off_total 2"));
}

TEST_F(FollowingThread, LogsEachAlarmOnceAnOutage) {
  turn();
  const auto out = logged([this](Following& loud) {
    take_away();
    loud.turn();
    loud.turn();
    node.advance(61s);
    loud.turn();
    loud.turn();
    bring_back();
    loud.turn();
    loud.turn();
  });
  EXPECT_EQ(events(out), (Events{"storage_unavailable", "storage_grace_over", "storage_back"}));
  EXPECT_NE(out.find(R"("issues_until":"2026-01-01T00:01:00Z")"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("away_ms":61000)"), std::string::npos) << out;
}

TEST_F(FollowingThread, LogsAClockThatIsOffOnceAndThatItIsBack) {
  const auto out = logged([this](Following& loud) {
    pulse.ahead = -31s;
    loud.turn();
    loud.turn();
    pulse.ahead = 0s;
    loud.turn();
    loud.turn();
  });
  EXPECT_EQ(events(out), (Events{"clock_off", "clock_back"}));
  EXPECT_NE(out.find(R"("ahead_ms":-31000)"), std::string::npos) << out;
}

}  // namespace
}  // namespace grantd::service
