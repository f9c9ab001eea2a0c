#include <thread>

#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class ChangeStoreConformance : public StorageConformance {
 protected:
  /// `count` changes, one a second from test_time on.
  void change(int count) {
    for (int i = 0; i < count; ++i, ++made_) {
      const auto at = test_time + seconds{made_};
      ASSERT_TRUE(store->revoke({"j" + std::to_string(made_), at + hours{1}}, at, test_actor));
    }
  }

 private:
  int made_{0};
};
INSTANTIATE_TEST_SUITE_P(Backends, ChangeStoreConformance, ::testing::ValuesIn(all_backends()),
                         backend_name);

TEST_P(ChangeStoreConformance, NothingChangedYetIsZeroAndNoGap) {
  EXPECT_EQ(store->newest_change(), 0);
  const auto page = store->changes_after(0, 10);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->changes.empty());
  EXPECT_FALSE(page->gap);
}

TEST_P(ChangeStoreConformance, AReaderGoesOnWhereItEnded) {
  change(5);
  const auto first = *store->changes_after(0, 3);
  ASSERT_EQ(first.changes.size(), 3U);
  const auto second = *store->changes_after(first.changes.back().seq, 3);
  ASSERT_EQ(second.changes.size(), 2U);
  EXPECT_EQ(second.changes.back().seq, *store->newest_change());
  const auto third = *store->changes_after(second.changes.back().seq, 3);
  EXPECT_TRUE(third.changes.empty());
  EXPECT_FALSE(first.gap || second.gap || third.gap);
}

TEST_P(ChangeStoreConformance, AReaderBehindTheOldestRowIsToldSo) {
  change(5);
  ASSERT_EQ(store->sweep_changes(test_time + seconds{2}, 100), 2U);
  EXPECT_TRUE(store->changes_after(0, 10)->gap);
  EXPECT_TRUE(store->changes_after(1, 10)->gap);
  EXPECT_FALSE(store->changes_after(2, 10)->gap);
  EXPECT_EQ(store->changes_after(2, 10)->changes.size(), 3U);
}

TEST_P(ChangeStoreConformance, AReaderAheadOfTheNewestRowIsToldSo) {
  change(2);
  EXPECT_FALSE(store->changes_after(2, 10)->gap);
  EXPECT_TRUE(store->changes_after(3, 10)->gap);
}

TEST_P(ChangeStoreConformance, TheNewestRowIsNeverSwept) {
  change(3);
  EXPECT_EQ(store->sweep_changes(test_time + hours{1}, 1), 1U);
  EXPECT_EQ(store->sweep_changes(test_time + hours{1}, 100), 1U);
  EXPECT_EQ(store->sweep_changes(test_time + hours{1}, 100), 0U);
  EXPECT_EQ(store->newest_change(), 3);
  EXPECT_EQ(changes_after(2).size(), 1U);
}

TEST_P(ChangeStoreConformance, AClockThatWasSetBackLeavesNoHole) {
  ASSERT_TRUE(store->revoke({"a", test_time}, test_time + hours{9}, test_actor));
  ASSERT_TRUE(store->revoke({"b", test_time}, test_time, test_actor));
  ASSERT_TRUE(store->revoke({"c", test_time}, test_time, test_actor));
  EXPECT_EQ(store->sweep_changes(test_time + hours{1}, 100), 0U);
  EXPECT_EQ(changes_after(0).size(), 3U);
}

TEST_P(ChangeStoreConformance, AFollowerOfManyWritersMissesNothingAndSeesCommitOrder) {
  constexpr int threads = 4;
  constexpr int rounds = 50;
  const auto other = database->open();
  std::atomic<int> running{threads};
  std::vector<std::jthread> workers;
  workers.reserve(threads);
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      Storage& mine = t % 2 == 0 ? *store : *other;
      for (int i = 0; i < rounds; ++i) {
        const std::string id = std::to_string(t) + "." + std::to_string(i);
        EXPECT_TRUE(mine.revoke({id, test_time + hours{1}}, test_time, test_actor));
      }
      --running;
    });
  }
  const auto follower = database->open();
  std::int64_t last = 0;
  for (bool more = true; more;) {
    more = running > 0;
    const auto page = follower->changes_after(last, 1000);
    ASSERT_TRUE(page);
    ASSERT_FALSE(page->gap);
    for (const Change& change : page->changes) {
      // A number that became visible after a higher one would be missed here.
      ASSERT_EQ(change.seq, last + 1);
      last = change.seq;
      ASSERT_TRUE(*follower->find_revocation(change.id));
    }
  }
  EXPECT_EQ(last, threads * rounds);
}

TEST_P(ChangeStoreConformance, PingAnswers) { EXPECT_TRUE(store->ping()); }

/// Each kind of writer in a process of its own; their numbers come from one place.
TEST_P(ChangeStoreConformance, AFollowerOfEveryKindOfWriterSeesEachChangeInItsPlace) {
  constexpr int rounds = 20;
  constexpr int processes = 5;
  create_client("updated", 1);
  create_client("disabled", 2);
  std::atomic<int> running{processes};
  std::jthread writers([&] {
    in_processes(processes, [&](int number, Storage& mine) {
      for (int i = 0; i < rounds; ++i) {
        const auto at = test_time + seconds{i};
        const auto id = std::to_string(number) + "." + std::to_string(i);
        const bool written =
            number == 0   ? mine.revoke({id, at + hours{1}}, at, test_actor).has_value()
            : number == 1 ? mine.set_not_before({id, at, at + hours{1}}, test_actor).has_value()
            : number == 2
                ? mine.disable_client({"disabled", at, at + hours{1}}, test_actor).has_value()
            : number == 3
                ? mine.update_client(
                          "updated", [](ClientRecord&) {}, at, test_actor)
                      .has_value()
                : mine.update_keys(
                          [&](const std::vector<KeyRecord>&)
                              -> std::expected<KeyStore::Update, std::string> {
                            return KeyStore::Update{
                                {}, {{ChangeKind::key_changed, id}, {ChangeKind::key_changed, id}}};
                          },
                          at, test_actor)
                      .has_value();
        EXPECT_TRUE(written);
      }
      --running;
    });
  });
  const auto follower = database->open();
  std::int64_t last = 0;
  for (bool more = true; more;) {
    more = running > 0;
    const auto page = follower->changes_after(last, 7);
    ASSERT_TRUE(page);
    ASSERT_FALSE(page->gap);
    for (const Change& change : page->changes) ASSERT_EQ(change.seq, ++last);
    more = more || page->changes.size() == 7;
  }
  EXPECT_EQ(last, 2 + 6 * rounds);
}

}  // namespace
}  // namespace grantd::storage::conformance
