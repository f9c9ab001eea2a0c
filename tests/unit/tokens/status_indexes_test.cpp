#include "server/tokens/status_indexes.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <stdexcept>
#include <thread>

#include "tests/support/manual_clock.h"
#include "tests/support/on_loop.h"

namespace grantd::tokens {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

constexpr std::uint32_t block = 64;

/// As storage would: one list for each window, block after block.
class Reservations {
 public:
  std::optional<StatusIndexBlock> reserve(sys_seconds ends_at) {
    const std::lock_guard lock(mutex_);
    ++count_;
    if (throws_) throw std::runtime_error("disk");
    if (away_) return std::nullopt;
    const auto list = ids_.emplace(ends_at, ids_.size() + 1).first->second;
    auto& next = next_[list];
    const auto first = std::exchange(next, next + block);
    return StatusIndexBlock{list, first, next};
  }
  void set_away(bool away) {
    const std::lock_guard lock(mutex_);
    away_ = away;
  }
  void set_throws(bool throws) {
    const std::lock_guard lock(mutex_);
    throws_ = throws;
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::map<sys_seconds, std::uint64_t> ids_;
  std::map<std::uint64_t, std::uint32_t> next_;
  int count_{0};
  bool away_{false};
  bool throws_{false};
};

struct TokenStatusIndexes : ::testing::Test {
  std::optional<StatusReference> take(sys_seconds expires_at) {
    return testing::on_loop(indexes.take(expires_at));
  }
  /// Until what goes on in the background is done.
  void wait_for_reservations(int count) {
    while (reservations.count() < count) std::this_thread::sleep_for(1ms);
  }
  ~TokenStatusIndexes() override { pool.join(); }

  const sys_seconds soon{floor_seconds(std::chrono::system_clock::now()) + 5min};
  SystemClock clock;
  BlockingPool pool{2, 64};
  Reservations reservations;
  StatusIndexes indexes{[this](sys_seconds ends_at) { return reservations.reserve(ends_at); },
                        {3600s, block},
                        pool,
                        clock};
};

TEST_F(TokenStatusIndexes, AreGivenOutInOrderFromOneReservation) {
  for (std::uint64_t i = 0; i < block / 2 - 1; ++i) {
    EXPECT_EQ(take(soon), (StatusReference{1, i}));
  }
  EXPECT_EQ(reservations.count(), 1);
}

TEST_F(TokenStatusIndexes, TheNextBlockIsReservedWhileTheFirstLasts) {
  for (std::uint64_t i = 0; i < block / 2; ++i) EXPECT_TRUE(take(soon));
  wait_for_reservations(2);
  for (std::uint64_t i = block / 2; i < 3 * block / 2; ++i) {
    EXPECT_EQ(take(soon), (StatusReference{1, i}));
  }
}

TEST_F(TokenStatusIndexes, EachWindowOfExpiryHasAListOfItsOwn) {
  const sys_seconds begin{1'800'000'000s};  // a whole hour
  EXPECT_EQ(take(begin)->list, 1U);
  EXPECT_EQ(take(begin + 1h - 1s)->list, 1U);
  EXPECT_EQ(take(begin + 1h)->list, 2U);
  EXPECT_EQ(take(begin - 1s)->list, 3U);
}

asio::awaitable<bool> take_many(StatusIndexes& indexes, sys_seconds expires_at, int count,
                                std::vector<StatusReference>& taken) {
  for (int i = 0; i < count; ++i) {
    const auto status = co_await indexes.take(expires_at);
    if (!status) co_return false;
    taken.push_back(*status);
  }
  co_return true;
}

TEST_F(TokenStatusIndexes, ManyLoopsGetNoneTwice) {
  constexpr int loops = 4;
  constexpr int count = 5000;
  std::vector<std::vector<StatusReference>> taken(loops);
  {
    std::vector<std::jthread> threads;
    threads.reserve(loops);
    for (auto& mine : taken) {
      threads.emplace_back(
          [&] { EXPECT_TRUE(testing::on_loop(take_many(indexes, soon, count, mine))); });
    }
  }
  std::set<std::pair<std::uint64_t, std::uint64_t>> all;
  for (const auto& mine : taken) {
    for (const auto& status : mine) all.emplace(status.list, status.index);
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(loops * count));
}

TEST_F(TokenStatusIndexes, WithStorageAwayThereIsNoneAndNobodyWaitsForTheNextAttempt) {
  reservations.set_away(true);
  EXPECT_EQ(take(soon), std::nullopt);
  EXPECT_EQ(take(soon), std::nullopt);
  EXPECT_EQ(reservations.count(), 1);
  reservations.set_away(false);
  std::this_thread::sleep_for(StatusIndexes::retry_after);
  EXPECT_EQ(take(soon), (StatusReference{1, 0}));
}

TEST_F(TokenStatusIndexes, AReservationThatThrowsIsOneThatFailed) {
  reservations.set_throws(true);
  EXPECT_EQ(take(soon), std::nullopt);
}

TEST_F(TokenStatusIndexes, WhatIsReservedIsGivenOutWhileStorageIsAway) {
  EXPECT_TRUE(take(soon));
  reservations.set_away(true);
  for (std::uint64_t i = 1; i < block; ++i) EXPECT_EQ(take(soon), (StatusReference{1, i}));
  EXPECT_EQ(take(soon), std::nullopt);
}

TEST_F(TokenStatusIndexes, OfWindowsThatBeginSoonAreReservedAheadAndGivenOutWhileStorageIsAway) {
  StatusIndexes::Settings settings{60s, block};
  settings.ahead = 3min;
  StatusIndexes ahead([this](sys_seconds ends_at) { return reservations.reserve(ends_at); },
                      settings, pool, clock);
  EXPECT_TRUE(testing::on_loop(ahead.take(soon)));
  wait_for_reservations(4);
  EXPECT_TRUE(testing::on_loop(ahead.take(soon)));
  EXPECT_EQ(reservations.count(), 4) << "once each";
  reservations.set_away(true);
  for (const auto later : {1min, 2min, 3min}) {
    EXPECT_TRUE(testing::on_loop(ahead.take(soon + later))) << later.count();
  }
  pool.join();
}

TEST_F(TokenStatusIndexes, ADayOfWindowsIsReservedAheadOneAfterTheOtherAndLeavesRoomForOtherWork) {
  constexpr int windows = 24 * 60;
  StatusIndexes::Settings settings{60s, block};
  settings.ahead = 24h;
  std::promise<void> release;
  const auto released = release.get_future().share();
  BlockingPool narrow(2, 4);
  StatusIndexes ahead(
      [this, released](sys_seconds ends_at) {
        if (ends_at > soon + 60s) released.wait();
        return reservations.reserve(ends_at);
      },
      settings, narrow, clock);
  EXPECT_TRUE(testing::on_loop(ahead.take(soon)));
  const auto other = testing::on_loop(narrow.run<int>([] { return 1; }));
  EXPECT_EQ(other.value_or(0), 1);
  release.set_value();
  wait_for_reservations(1 + windows);
  narrow.join();
  EXPECT_EQ(reservations.count(), 1 + windows) << "once each";
}

TEST_F(TokenStatusIndexes, AreReservedAheadForTokensOfEachLifetime) {
  StatusIndexes::Settings settings{60s, block};
  settings.ahead = 3min;
  StatusIndexes ahead([this](sys_seconds ends_at) { return reservations.reserve(ends_at); },
                      settings, pool, clock);
  EXPECT_TRUE(testing::on_loop(ahead.take(soon + 3min)));
  wait_for_reservations(4);
  EXPECT_TRUE(testing::on_loop(ahead.take(soon)));  // its last one is there already
  wait_for_reservations(7);
  pool.join();
}

TEST_F(TokenStatusIndexes, WhatCouldNotBeReservedAheadIsTriedAgain) {
  StatusIndexes::Settings settings{60s, block};
  settings.ahead = 3min;
  StatusIndexes ahead([this](sys_seconds ends_at) { return reservations.reserve(ends_at); },
                      settings, pool, clock);
  reservations.set_away(true);
  EXPECT_EQ(testing::on_loop(ahead.take(soon)), std::nullopt);
  wait_for_reservations(2);
  EXPECT_EQ(testing::on_loop(ahead.take(soon)), std::nullopt);
  EXPECT_EQ(reservations.count(), 2) << "no other window is asked for where one has just failed";
  reservations.set_away(false);
  std::this_thread::sleep_for(StatusIndexes::retry_after);
  EXPECT_TRUE(testing::on_loop(ahead.take(soon)));
  wait_for_reservations(2 + 4);
  pool.join();
}

TEST_F(TokenStatusIndexes, WhatWasReservedAheadInAnotherDatabaseIsReservedAnew) {
  StatusIndexes::Settings settings{60s, block};
  settings.ahead = 3min;
  StatusIndexes ahead([this](sys_seconds ends_at) { return reservations.reserve(ends_at); },
                      settings, pool, clock);
  EXPECT_TRUE(testing::on_loop(ahead.take(soon)));
  wait_for_reservations(4);
  ahead.drop();
  EXPECT_TRUE(testing::on_loop(ahead.take(soon)));
  wait_for_reservations(8);
  pool.join();
}

TEST_F(TokenStatusIndexes, AFullQueueMeansNoneInsteadOfAWait) {
  BlockingPool full(1, 0);
  StatusIndexes none([this](sys_seconds ends_at) { return reservations.reserve(ends_at); },
                     {3600s, block}, full, clock);
  EXPECT_EQ(testing::on_loop(none.take(soon)), std::nullopt);
  full.join();
}

TEST_F(TokenStatusIndexes, NobodyWaitsLongForASlowReservation) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  BlockingPool slow_pool(1, 8);
  StatusIndexes slow(
      [this, released](sys_seconds ends_at) {
        released.wait();
        return reservations.reserve(ends_at);
      },
      {3600s, block}, slow_pool, clock);
  const auto before = clock.steady();
  EXPECT_EQ(testing::on_loop(slow.take(soon)), std::nullopt);
  const auto first = clock.steady() - before;
  EXPECT_GE(first, StatusIndexes::longest_wait);
  EXPECT_LT(first, StatusIndexes::longest_wait + 1s);
  // Counted from where the reservation began: the next one waits no more at all.
  EXPECT_EQ(testing::on_loop(slow.take(soon)), std::nullopt);
  EXPECT_LT(clock.steady() - before, StatusIndexes::longest_wait + 1s);
  release.set_value();
  slow_pool.join();
}

TEST_F(TokenStatusIndexes, WhatWasReservedInAnotherDatabaseIsDropped) {
  EXPECT_EQ(take(soon), (StatusReference{1, 0}));
  indexes.drop();
  EXPECT_EQ(take(soon), (StatusReference{1, block}));
}

TEST_F(TokenStatusIndexes, WindowsAreBoundedAndDeadOnesMakeRoom) {
  testing::ManualClock turned;
  const auto now = testing::ManualClock::start;
  StatusIndexes few([this](sys_seconds ends_at) { return reservations.reserve(ends_at); },
                    {60s, block, 3}, pool, turned);
  for (const auto minute : {1min, 2min, 3min}) {
    EXPECT_TRUE(testing::on_loop(few.take(now + minute)));
  }
  EXPECT_EQ(testing::on_loop(few.take(now + 4min)), std::nullopt);
  EXPECT_TRUE(testing::on_loop(few.take(now + 3min)));
  turned.advance(2min);
  EXPECT_TRUE(testing::on_loop(few.take(now + 4min)));
  EXPECT_EQ(testing::on_loop(few.take(now + 5min)), std::nullopt);
  pool.join();
}

}  // namespace
}  // namespace grantd::tokens
