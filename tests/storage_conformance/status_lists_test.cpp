#include <algorithm>
#include <thread>
#include <tuple>

#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class StatusListStoreConformance : public StorageConformance {
 protected:
  static constexpr sys_seconds window_end = test_time + hours{1};

  StatusBlock reserve(std::uint32_t capacity, std::uint32_t count,
                      sys_seconds expires_at = window_end) {
    const auto block = store->reserve_status_block(expires_at, capacity, count);
    EXPECT_TRUE(block) << block.error().detail;
    return block.value_or(StatusBlock{});
  }

  std::vector<std::uint64_t> live_at(sys_seconds now) {
    const auto lists = store->live_status_lists(now).value();
    std::vector<std::uint64_t> ids;
    ids.reserve(lists.size());
    for (const auto& list : lists) ids.push_back(list.id);
    return ids;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, StatusListStoreConformance, ::testing::ValuesIn(all_backends()),
                         backend_name);

TEST_P(StatusListStoreConformance, BlocksOfOneWindowFollowOneAnother) {
  const auto first = reserve(100, 40);
  EXPECT_EQ(first.list, (StatusList{1, window_end, 100, 40}));
  EXPECT_EQ(first.first, 0U);
  const auto second = reserve(100, 40);
  EXPECT_EQ(second.list, (StatusList{1, window_end, 100, 80}));
  EXPECT_EQ(second.first, 40U);
}

TEST_P(StatusListStoreConformance, TheRestOfAListIsOneSmallerBlockAndThenAnotherListBegins) {
  reserve(100, 90);
  const auto rest = reserve(100, 40);
  EXPECT_EQ(rest.list.id, 1U);
  EXPECT_EQ(rest.first, 90U);
  EXPECT_EQ(rest.list.next_index, 100U);
  const auto next = reserve(100, 40);
  EXPECT_EQ(next.list.id, 2U);
  EXPECT_EQ(next.first, 0U);
}

TEST_P(StatusListStoreConformance, EachWindowHasListsOfItsOwn) {
  EXPECT_EQ(reserve(100, 10).list.id, 1U);
  EXPECT_EQ(reserve(100, 10, window_end + hours{1}).list.id, 2U);
  const auto again = reserve(100, 10);
  EXPECT_EQ(again.list.id, 1U);
  EXPECT_EQ(again.first, 10U);
}

TEST_P(StatusListStoreConformance, AListKeepsTheCapacityItBeganWith) {
  reserve(100, 10);
  const auto block = reserve(5, 200);
  EXPECT_EQ(block.list, (StatusList{1, window_end, 100, 100}));
  EXPECT_EQ(reserve(5, 200).list, (StatusList{2, window_end, 5, 5}));
}

TEST_P(StatusListStoreConformance, AReservedListIsThereForEveryProcess) {
  const auto block = reserve(100, 10);
  const auto other = database->open();
  EXPECT_EQ(*other->find_status_list(block.list.id), block.list);
  EXPECT_EQ(*other->find_status_list(block.list.id + 1), std::nullopt);
  EXPECT_EQ(*other->find_status_list(0), std::nullopt);
  EXPECT_EQ(*other->find_status_list(~std::uint64_t{0}), std::nullopt);
  EXPECT_EQ(*other->live_status_lists(test_time), std::vector{block.list});
}

TEST_P(StatusListStoreConformance, AListIsDeadAtItsVeryExpiry) {
  reserve(100, 10, test_time);
  reserve(100, 10, test_time + seconds{1});
  EXPECT_EQ(live_at(test_time), std::vector<std::uint64_t>{2});
}

TEST_P(StatusListStoreConformance, ASweepTakesWhatIsDeadAndNoMoreThanItMay) {
  for (int i = 0; i < 5; ++i) reserve(100, 10, test_time - seconds{i});
  reserve(100, 10, test_time + seconds{1});
  EXPECT_EQ(store->sweep_status_lists(test_time, 2), 2U);
  EXPECT_EQ(store->sweep_status_lists(test_time, 100), 3U);
  EXPECT_EQ(store->sweep_status_lists(test_time, 100), 0U);
  EXPECT_EQ(live_at(test_time - hours{1}), std::vector<std::uint64_t>{6});
}

TEST_P(StatusListStoreConformance, TheIdOfAListThatIsGoneIsNeverGivenAgain) {
  EXPECT_EQ(reserve(100, 10, test_time).list.id, 1U);
  ASSERT_EQ(store->sweep_status_lists(test_time, 100), 1U);
  EXPECT_EQ(reserve(100, 10).list.id, 2U);
}

TEST_P(StatusListStoreConformance, ReservingAppendsNoChange) {
  reserve(100, 10);
  EXPECT_EQ(store->newest_change(), 0);
}

/// Each range (list, first, end) as sorted; any two of one list may touch, never overlap.
TEST_P(StatusListStoreConformance, ManyThreadsOfTwoProcessesGetNoIndexTwice) {
  constexpr int threads = 8;
  constexpr int rounds = 40;
  constexpr std::uint32_t capacity = 1000;
  constexpr std::uint32_t count = 7;
  const auto other = database->open();
  std::vector<std::vector<StatusBlock>> reserved(threads);
  std::vector<std::jthread> workers;
  workers.reserve(threads);
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      Storage& mine = t % 2 == 0 ? *store : *other;
      for (int i = 0; i < rounds; ++i) {
        const auto block = mine.reserve_status_block(window_end, capacity, count);
        ASSERT_TRUE(block) << block.error().detail;
        reserved[static_cast<std::size_t>(t)].push_back(*block);
      }
    });
  }
  workers.clear();

  std::vector<std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>> ranges;
  for (const auto& blocks : reserved) {
    for (const auto& block : blocks) {
      ranges.emplace_back(block.list.id, block.first, block.list.next_index);
    }
  }
  std::ranges::sort(ranges);
  ASSERT_EQ(ranges.size(), static_cast<std::size_t>(threads * rounds));
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const auto& [list, first, end] = ranges[i];
    EXPECT_LT(first, end);
    EXPECT_LE(end, capacity);
    const bool begins_list = i == 0 || std::get<0>(ranges[i - 1]) != list;
    EXPECT_EQ(first, begins_list ? 0 : std::get<2>(ranges[i - 1])) << "list " << list;
  }
  constexpr auto blocks_a_list = (capacity + count - 1) / count;
  EXPECT_EQ(std::get<0>(ranges.back()), (ranges.size() + blocks_a_list - 1) / blocks_a_list)
      << "a list began while another had room";
}

TEST_P(StatusListStoreConformance, ProcessesThatMeetAtTheBeginningOfAWindowShareOneList) {
  for (int round = 1; round <= 5; ++round) {
    const auto end = window_end + hours{round};
    in_processes(4, [&](int, Storage& mine) {
      const auto block = mine.reserve_status_block(end, 1000, 10);
      ASSERT_TRUE(block) << block.error().detail;
      EXPECT_EQ(block->list.id, static_cast<std::uint64_t>(round));
    });
    EXPECT_EQ((*store->find_status_list(static_cast<std::uint64_t>(round)))->next_index, 40U);
  }
}

}  // namespace
}  // namespace grantd::storage::conformance
