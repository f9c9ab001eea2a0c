#include "server/base/group_commit.h"

#include <gtest/gtest.h>

#include <latch>
#include <set>
#include <stdexcept>
#include <thread>

namespace grantd {
namespace {

using Groups = GroupCommit<int, bool>;

TEST(GroupCommit, OneAloneIsCommittedAlone) {
  Groups groups;
  std::vector<int> seen;
  const auto ticket = groups.add(7);
  EXPECT_TRUE(groups.settle(
      ticket,
      [&](const std::vector<int>& items) {
        seen = items;
        return true;
      },
      false));
  EXPECT_EQ(seen, std::vector{7});
}

TEST(GroupCommit, WhatComesMeanwhileSharesTheNextGroup) {
  Groups groups;
  std::latch first_is_writing(1);
  std::latch go_on(1);
  std::jthread first([&] {
    groups.settle(
        groups.add(0),
        [&](const std::vector<int>&) {
          first_is_writing.count_down();
          go_on.wait();
          return true;
        },
        false);
  });
  first_is_writing.wait();

  std::vector<Groups::Ticket> tickets;
  for (int i = 1; i <= 5; ++i) tickets.push_back(groups.add(i));
  std::mutex mutex;
  std::vector<std::vector<int>> written;
  std::vector<std::jthread> others;
  others.reserve(tickets.size());
  for (const auto& ticket : tickets) {
    others.emplace_back([&, ticket] {
      EXPECT_TRUE(groups.settle(
          ticket,
          [&](std::vector<int> items) {
            const std::lock_guard lock(mutex);
            written.push_back(std::move(items));
            return true;
          },
          false));
    });
  }
  go_on.count_down();
  others.clear();
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written.front(), (std::vector{1, 2, 3, 4, 5}));
}

TEST(GroupCommit, WhatWasWithdrawnIsNotWritten) {
  Groups groups;
  const auto gone = groups.add(1);
  const auto stays = groups.add(2);
  groups.withdraw(gone);
  std::vector<int> seen;
  EXPECT_FALSE(groups.settle(
      stays,
      [&](const std::vector<int>& items) {
        seen = items;
        return false;
      },
      true));
  EXPECT_EQ(seen, std::vector{2});
}

TEST(GroupCommit, WhatIsThrownReachesWhoCommittedAndTheOthersLearnOfIt) {
  Groups groups;
  const auto mine = groups.add(1);
  const auto anothers = groups.add(2);
  const auto fail = [](const std::vector<int>&) -> bool { throw std::runtime_error("broken"); };
  EXPECT_THROW(groups.settle(mine, fail, false), std::runtime_error);
  EXPECT_FALSE(groups.settle(anothers, [](const std::vector<int>&) { return true; }, false));
  // And the next one is committed as ever.
  EXPECT_TRUE(groups.settle(groups.add(3), [](const std::vector<int>&) { return true; }, false));
}

TEST(GroupCommit, ManyThreadsLoseNothing) {
  constexpr int threads = 8;
  constexpr int rounds = 200;
  Groups groups;
  std::multiset<int> written;  // one commits at a time: no lock of its own
  {
    std::vector<std::jthread> workers;
    workers.reserve(threads);
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        for (int i = 0; i < rounds; ++i) {
          EXPECT_TRUE(groups.settle(
              groups.add(t * rounds + i),
              [&](const std::vector<int>& items) {
                written.insert(items.begin(), items.end());
                return true;
              },
              false));
        }
      });
    }
  }
  EXPECT_EQ(written.size(), std::size_t{threads * rounds});
  EXPECT_EQ(std::set<int>(written.begin(), written.end()).size(), written.size());
}

}  // namespace
}  // namespace grantd
