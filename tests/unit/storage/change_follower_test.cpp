#include "storage/change_follower.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <tuple>

namespace grantd::storage {
namespace {

/// Changes in memory, with faults to order.
class MemoryChanges final : public ChangeStore {
 public:
  void append(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      Change change;
      change.seq = ++newest_;
      rows_.push_back(change);
    }
  }

  StoreResult<std::int64_t> newest_change() override {
    if (away) return std::unexpected(StoreError{});
    return newest_;
  }
  StoreResult<Page> changes_after(std::int64_t after, std::size_t max_rows) override {
    if (away) return std::unexpected(StoreError{});
    Page page;
    page.gap = std::exchange(gap_once, false);
    for (const Change& row : rows_) {
      if (row.seq > after && page.changes.size() < max_rows) page.changes.push_back(row);
    }
    return page;
  }
  StoreResult<std::size_t> sweep_changes(sys_seconds, std::size_t) override { return 0; }

  bool away{false};
  bool gap_once{false};

 private:
  std::vector<Change> rows_;
  std::int64_t newest_{0};
};

class FollowedChanges : public ::testing::Test {
 protected:
  void SetUp() override {
    follower.subscribe({[this](const Change& change) { seen.push_back(change.seq); },
                        [this]() -> StoreResult<void> {
                          ++reloads;
                          if (reload_fails) return std::unexpected(StoreError{});
                          return {};
                        }});
  }

  MemoryChanges store;
  ChangeFollower follower{store, 0};
  std::vector<std::int64_t> seen;
  int reloads{0};
  bool reload_fails{false};
};

TEST_F(FollowedChanges, AreHandedOnOnceAndInOrder) {
  store.append(2);
  ASSERT_TRUE(follower.poll());
  store.append(1);
  ASSERT_TRUE(follower.poll());
  ASSERT_TRUE(follower.poll());
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(reloads, 0);
}

TEST_F(FollowedChanges, OfMoreThanOnePageAllComeInOnePoll) {
  const auto count = static_cast<std::int64_t>(2 * ChangeFollower::max_rows_a_read);
  store.append(count);
  ASSERT_TRUE(follower.poll());
  EXPECT_EQ(static_cast<std::int64_t>(seen.size()), count);
  EXPECT_EQ(follower.last_seq(), count);
}

TEST_F(FollowedChanges, WaitWhileTheStoreIsAway) {
  store.append(1);
  store.away = true;
  EXPECT_FALSE(follower.poll());
  store.away = false;
  ASSERT_TRUE(follower.poll());
  EXPECT_EQ(seen, std::vector<std::int64_t>{1});
}

TEST_F(FollowedChanges, BehindAGapAreReloadedInsteadOfHandedOn) {
  store.append(3);
  store.gap_once = true;
  ASSERT_TRUE(follower.poll());
  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(reloads, 1);
  EXPECT_EQ(follower.last_seq(), 3);
  store.append(1);
  ASSERT_TRUE(follower.poll());
  EXPECT_EQ(seen, std::vector<std::int64_t>{4});
}

TEST_F(FollowedChanges, AreReloadedAgainUntilThatSucceedsThoughTheGapIsToldOnce) {
  store.append(3);
  store.gap_once = true;
  reload_fails = true;
  EXPECT_FALSE(follower.poll());
  EXPECT_FALSE(follower.poll());
  EXPECT_EQ(follower.last_seq(), 0);
  reload_fails = false;
  ASSERT_TRUE(follower.poll());
  EXPECT_EQ(reloads, 3);
  EXPECT_TRUE(seen.empty());
}

TEST_F(FollowedChanges, ThatASubscriberChokedOnComeAgain) {
  bool choke = true;
  follower.subscribe({[&](const Change& change) {
                        if (choke && change.seq == 2) throw std::runtime_error("choked");
                      },
                      {}});
  store.append(2);
  EXPECT_THROW(std::ignore = follower.poll(), std::runtime_error);
  EXPECT_EQ(follower.last_seq(), 1);
  choke = false;
  ASSERT_TRUE(follower.poll());
  EXPECT_EQ(follower.last_seq(), 2);
}

}  // namespace
}  // namespace grantd::storage
