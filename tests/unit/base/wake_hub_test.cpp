#include "server/base/wake_hub.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <thread>
#include <vector>

namespace grantd {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Woken = WakeHub::Woken;

constexpr std::size_t any_number = 1000;

SteadyTime in(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

asio::awaitable<void> wait(WakeHub& hub, std::uint64_t seen, SteadyTime until,
                           std::size_t max_waiting, std::vector<Woken>& outcomes) {
  const auto woken = co_await hub.wait(seen, until, max_waiting);
  outcomes.push_back(woken);
}

/// A hub with one loop, which runs until nothing waits any more.
class WakeHubOnALoop : public ::testing::Test {
 protected:
  void wait_for(std::chrono::milliseconds time, std::uint64_t seen = 0,
                std::size_t max_waiting = any_number) {
    asio::co_spawn(loop, wait(hub, seen, in(time), max_waiting, outcomes), asio::detached);
  }

  asio::io_context loop;
  WakeHub hub;
  std::vector<Woken> outcomes;
};

TEST_F(WakeHubOnALoop, LetsNobodyWaitLongerThanItsTime) {
  wait_for(1ms);
  loop.run();
  EXPECT_EQ(outcomes, std::vector{Woken::by_time});
}

TEST_F(WakeHubOnALoop, WakesAllThatWait) {
  for (int i = 0; i < 3; ++i) wait_for(1h);
  asio::post(loop, [this] { hub.wake(); });
  loop.run();
  EXPECT_EQ(outcomes, (std::vector{Woken::by_news, Woken::by_news, Woken::by_news}));
}

TEST_F(WakeHubOnALoop, LetsNobodyWaitWhoHasNotSeenTheLastWake) {
  const auto seen = hub.generation();
  hub.wake();
  wait_for(1h, seen);
  loop.run();
  EXPECT_EQ(outcomes, std::vector{Woken::by_news});
}

TEST_F(WakeHubOnALoop, LetsNoMoreWaitThanMay) {
  wait_for(1h, 0, 1);
  wait_for(1h, 0, 1);
  asio::post(loop, [this] { hub.wake(); });
  loop.run();
  EXPECT_EQ(outcomes, (std::vector{Woken::too_many, Woken::by_news}));
}

TEST_F(WakeHubOnALoop, ThoseWhoseTimeIsOverLeaveTheirPlace) {
  wait_for(1ms, 0, 1);
  loop.run();
  loop.restart();
  wait_for(1ms, 0, 1);
  loop.run();
  EXPECT_EQ(outcomes, (std::vector{Woken::by_time, Woken::by_time}));
}

TEST_F(WakeHubOnALoop, EndsAllWaitsWhenItIsClosed) {
  wait_for(1h);
  asio::post(loop, [this] { hub.close(); });
  loop.run();
  loop.restart();
  wait_for(1h, hub.generation());
  loop.run();
  EXPECT_EQ(outcomes, (std::vector{Woken::closed, Woken::closed}));
}

TEST_F(WakeHubOnALoop, WakesSparinglyWhereAskedTo) {
  const SteadyTime now{};
  hub.wake_sparingly(now);
  hub.wake_sparingly(now + WakeHub::sparing - 1ms);
  EXPECT_EQ(hub.generation(), 1U);
  hub.wake_sparingly(now + WakeHub::sparing);
  EXPECT_EQ(hub.generation(), 2U);
  hub.wake();
  EXPECT_EQ(hub.generation(), 3U);
}

TEST(WakeHub, OutlivesALoopThatEndsWithItsWaiters) {
  WakeHub hub;
  std::vector<Woken> outcomes;
  {
    asio::io_context loop;
    asio::co_spawn(loop, wait(hub, 0, in(1h), any_number, outcomes), asio::detached);
    loop.run_one();
  }
  hub.wake();
  EXPECT_TRUE(outcomes.empty());
}

/// Waits, looks, waits again, until it has seen `target` wakes.
asio::awaitable<void> follow(WakeHub& hub, std::uint64_t target, std::atomic<int>& done) {
  for (auto seen = hub.generation(); seen < target; seen = hub.generation()) {
    co_await hub.wait(seen, in(20s), any_number);
  }
  ++done;
}

TEST(WakeHub, LosesNoWakeBetweenThreadsAndLoops) {
  constexpr std::uint64_t wakes_a_thread = 2000;
  constexpr int followers = 8;
  WakeHub hub;
  std::atomic<int> done{0};
  std::array<asio::io_context, 2> loops;
  for (int i = 0; i < followers; ++i) {
    asio::co_spawn(loops.at(static_cast<std::size_t>(i) % loops.size()),
                   follow(hub, 2 * wakes_a_thread, done), asio::detached);
  }
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (auto& loop : loops) threads.emplace_back([&loop] { loop.run(); });
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&hub] {
      for (std::uint64_t n = 0; n < wakes_a_thread; ++n) hub.wake();
    });
  }
  threads.clear();
  EXPECT_EQ(done, followers);
}

}  // namespace
}  // namespace grantd
