#include "server/base/group_writer.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace grantd {
namespace {

namespace asio = boost::asio;
using std::chrono_literals::operator""ms;

using Writer = GroupWriter<int, std::string>;
using Groups = std::vector<std::vector<int>>;

/// Notes what is committed. The first group waits for release() where it is told to.
class Disk {
 public:
  explicit Disk(bool holds_first = false) : released_(holds_first ? 1 : 0) {}

  Writer::Commit committing() {
    return [this](std::span<const int> items) {
      if (groups.empty()) begun_.set_value();
      released_.wait();
      groups.emplace_back(items.begin(), items.end());
      return std::string("committed");
    };
  }
  void wait_for_first() { begun_.get_future().wait(); }
  void release() { released_.count_down(); }

  Groups groups;  // one is committed at a time: no lock of its own

 private:
  std::promise<void> begun_;
  std::latch released_;
};

struct Outcome {
  std::optional<Writer::Result> result{};
  std::thread::id resumed_on{};
};

asio::awaitable<void> write(Writer& writer, int item, Outcome& outcome) {
  outcome.result.emplace(co_await writer.write(item));
  outcome.resumed_on = std::this_thread::get_id();
}

class GroupWriterTest : public ::testing::Test {
 protected:
  static constexpr Writer::Limits wide{64, 64};

  /// Item 0 is at the disk from now on, so that what follows waits.
  void hold(Writer& writer, Disk& disk) {
    start(writer, 0);
    loop.poll();
    disk.wait_for_first();
  }
  Outcome& start(Writer& writer, int item) {
    auto& outcome = outcomes_.emplace_back();
    asio::co_spawn(loop, write(writer, item, outcome), asio::detached);
    return outcome;
  }
  void run() {
    loop.run();
    loop.restart();
  }

  BlockingPool pool{1, 8};
  asio::io_context loop{1};

 private:
  std::deque<Outcome> outcomes_;
};

TEST_F(GroupWriterTest, ALoneItemIsWrittenAtOnceAndItsCallerResumesOnItsLoop) {
  Disk disk;
  Writer writer(pool, wide, disk.committing(), "interrupted");
  const auto& outcome = start(writer, 7);
  run();
  ASSERT_TRUE(outcome.result);
  EXPECT_EQ(outcome.result->value(), "committed");
  EXPECT_EQ(outcome.resumed_on, std::this_thread::get_id());
  EXPECT_EQ(disk.groups, Groups{{7}});

  start(writer, 8);
  run();
  EXPECT_EQ(disk.groups, (Groups{{7}, {8}})) << "a later one begins the job again";
}

TEST_F(GroupWriterTest, WhatComesMeanwhileSharesTheNextGroupInTheOrderItCame) {
  Disk disk(true);
  Writer writer(pool, wide, disk.committing(), "interrupted");
  hold(writer, disk);
  for (int i = 1; i <= 5; ++i) start(writer, i);
  loop.poll();
  disk.release();
  run();
  EXPECT_EQ(disk.groups, (Groups{{0}, {1, 2, 3, 4, 5}}));
}

TEST_F(GroupWriterTest, NoGroupIsLargerThanItMay) {
  Disk disk(true);
  Writer writer(pool, {64, 2}, disk.committing(), "interrupted");
  hold(writer, disk);
  for (int i = 1; i <= 5; ++i) start(writer, i);
  loop.poll();
  disk.release();
  run();
  EXPECT_EQ(disk.groups, (Groups{{0}, {1, 2}, {3, 4}, {5}}));
}

TEST_F(GroupWriterTest, AFullQueueIsToldAndTakesItemsAgainAfterwards) {
  Disk disk(true);
  Writer writer(pool, {2, 64}, disk.committing(), "interrupted");
  hold(writer, disk);
  start(writer, 1);
  start(writer, 2);
  const auto& refused = start(writer, 3);
  loop.poll();
  ASSERT_TRUE(refused.result) << "it does not wait for those that found room";
  EXPECT_FALSE(refused.result->has_value());
  disk.release();
  run();
  start(writer, 4);
  run();
  EXPECT_EQ(disk.groups, (Groups{{0}, {1, 2}, {4}}));
}

TEST_F(GroupWriterTest, APoolWithoutRoomIsToldToAllThatReliedOnIt) {
  BlockingPool none(1, 0);
  Disk disk;
  Writer writer(none, wide, disk.committing(), "interrupted");
  const auto& first = start(writer, 1);
  const auto& second = start(writer, 2);
  run();
  EXPECT_FALSE(first.result.value());
  EXPECT_FALSE(second.result.value());
  EXPECT_TRUE(disk.groups.empty());
}

TEST_F(GroupWriterTest, WhatHasWaitedTooLongIsNeverWritten) {
  BlockingPool hasty(1, 8, 20ms);
  Disk disk(true);
  Writer writer(hasty, wide, disk.committing(), "interrupted");
  const auto& begun = start(writer, 1);
  loop.poll();
  disk.wait_for_first();
  const auto& late = start(writer, 2);
  loop.poll();
  std::this_thread::sleep_for(60ms);
  const auto& in_time = start(writer, 3);
  loop.poll();
  disk.release();
  run();
  EXPECT_TRUE(begun.result.value()) << "what was begun is never given up";
  EXPECT_FALSE(late.result.value());
  EXPECT_TRUE(in_time.result.value());
  EXPECT_EQ(disk.groups, (Groups{{1}, {3}}));
}

TEST_F(GroupWriterTest, ACommitThatThrowsInterruptsItsGroupAlone) {
  bool fails = true;
  Writer writer(
      pool, wide,
      [&fails](std::span<const int>) -> std::string {
        if (std::exchange(fails, false)) throw std::runtime_error("broken");
        return "committed";
      },
      "interrupted");
  const auto& first = start(writer, 1);
  run();
  EXPECT_EQ(first.result->value(), "interrupted");
  const auto& second = start(writer, 2);
  run();
  EXPECT_EQ(second.result->value(), "committed");
}

TEST_F(GroupWriterTest, OtherWorkOfThePoolGetsItsTurnBetweenGroups) {
  Disk disk(true);
  Writer writer(pool, {64, 1}, disk.committing(), "interrupted");
  hold(writer, disk);
  start(writer, 1);
  start(writer, 2);
  std::optional<std::size_t> committed_before;
  asio::co_spawn(loop, pool.run<bool>([&] {
    committed_before = disk.groups.size();
    return true;
  }),
                 [](const std::exception_ptr&, const auto&) {});
  loop.poll();
  disk.release();
  run();
  EXPECT_EQ(committed_before, 1U);
  EXPECT_EQ(disk.groups.size(), 3U);
}

/// Says when it goes: a local of a coroutine that ends, or that goes with its loop.
struct Gone {
  bool& gone;
  ~Gone() { gone = true; }
};

asio::awaitable<void> write_and_note(Writer& writer, bool& gone) {
  const Gone guard{gone};
  static_cast<void>(co_await writer.write(1));
}

TEST_F(GroupWriterTest, WhoIsNotResumedAnyMoreGoesWithItsLoop) {
  bool gone = false;
  Disk disk(true);
  BlockingPool own(1, 8);
  Writer writer(own, wide, disk.committing(), "interrupted");
  {
    asio::io_context stopping{1};
    asio::co_spawn(stopping, write_and_note(writer, gone), asio::detached);
    stopping.poll();
    disk.release();
    own.join();
    EXPECT_EQ(disk.groups, Groups{{1}}) << "nothing is pending once the pool was joined";
    EXPECT_FALSE(gone);
  }
  EXPECT_TRUE(gone);
}

asio::awaitable<void> write_many(Writer& writer, int first, int count, int& committed) {
  const auto mine = std::this_thread::get_id();
  for (int i = 0; i < count; ++i) {
    const auto written = co_await writer.write(first + i);
    EXPECT_EQ(std::this_thread::get_id(), mine);
    if (written) ++committed;
  }
}

TEST_F(GroupWriterTest, ManyOfSeveralLoopsLoseNothing) {
  constexpr int loops = 3;
  constexpr int callers = 16;
  constexpr int rounds = 50;
  Disk disk;
  std::deque<asio::io_context> contexts(loops);  // they outlive the writer, which resumes on them
  BlockingPool two(2, 8);
  Writer writer(two, wide, disk.committing(), "interrupted");
  std::vector<int> committed(loops);
  {
    std::vector<std::jthread> threads;
    for (int number = 0; number < loops; ++number) {
      threads.emplace_back([&, number] {
        auto& mine = contexts[static_cast<std::size_t>(number)];
        for (int caller = 0; caller < callers; ++caller) {
          const int first = (number * callers + caller) * rounds;
          asio::co_spawn(
              mine, write_many(writer, first, rounds, committed[static_cast<std::size_t>(number)]),
              asio::detached);
        }
        mine.run();
      });
    }
  }
  std::set<int> written;
  std::size_t items = 0;
  for (const auto& group : disk.groups) {
    items += group.size();
    written.insert(group.begin(), group.end());
  }
  EXPECT_EQ(items, std::size_t{loops * callers * rounds});
  EXPECT_EQ(written.size(), items);
  EXPECT_EQ(committed, std::vector<int>(loops, callers * rounds));
  EXPECT_LT(disk.groups.size(), items / 2) << "groups are shared";
}

}  // namespace
}  // namespace grantd
