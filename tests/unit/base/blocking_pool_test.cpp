#include "server/base/blocking_pool.h"

#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

namespace grantd {
namespace {

namespace asio = boost::asio;

struct Outcome {
  std::expected<std::string, QueueFull> result{};
  std::string thrown{};
  std::thread::id resumed_on{};
};

asio::awaitable<void> collect(BlockingPool& pool, std::function<std::string()> work,
                              Outcome& outcome) {
  try {
    outcome.result = co_await pool.run<std::string>(std::move(work));
  } catch (const std::runtime_error& error) {
    outcome.thrown = error.what();
  }
  outcome.resumed_on = std::this_thread::get_id();
}

TEST(BlockingPool, ThrowsInTheCallerWhatTheWorkThrew) {
  asio::io_context loop;
  BlockingPool pool(1, 1);
  Outcome outcome;
  asio::co_spawn(loop,
                 collect(
                     pool, []() -> std::string { throw std::runtime_error("disk"); }, outcome),
                 asio::detached);
  loop.run();
  EXPECT_EQ(outcome.thrown, "disk");
}

asio::awaitable<void> note_thread(std::promise<std::thread::id>& thread) {
  thread.set_value(std::this_thread::get_id());
  co_return;
}

TEST(BlockingPool, BeginsWhatNobodyWaitsForOnAThreadOfItsOwn) {
  BlockingPool pool(1, 1);
  std::promise<std::thread::id> thread;
  EXPECT_TRUE(pool.start([&thread] { return note_thread(thread); }));
  pool.join();
  EXPECT_NE(thread.get_future().get(), std::this_thread::get_id());

  BlockingPool full(1, 0);
  EXPECT_FALSE(full.start([&thread] { return note_thread(thread); }));
}

TEST(BlockingPool, TellsTheCallerThatItIsFullAndTakesWorkAgainAfterwards) {
  asio::io_context loop;
  BlockingPool pool(1, 1);
  std::promise<void> release;
  Outcome first;
  Outcome refused;
  asio::co_spawn(loop,
                 collect(
                     pool,
                     [&release] {
                       release.get_future().wait();
                       return std::string("first");
                     },
                     first),
                 asio::detached);
  asio::co_spawn(loop,
                 collect(
                     pool, [] { return std::string("refused"); }, refused),
                 [&release](const std::exception_ptr&) { release.set_value(); });
  loop.run();
  EXPECT_FALSE(refused.result);
  EXPECT_EQ(first.result.value(), "first");

  loop.restart();
  Outcome later;
  asio::co_spawn(loop, collect(pool, [] { return std::string("later"); }, later), asio::detached);
  loop.run();
  EXPECT_EQ(later.result.value(), "later");
}

TEST(BlockingPool, NeverBeginsWhatHasWaitedTooLongForAThread) {
  using std::chrono_literals::operator""ms;
  asio::io_context loop;
  BlockingPool pool(1, 8, 20ms);
  std::promise<void> release;
  Outcome hanging;
  Outcome late;
  bool begun = false;
  const auto hang = [&release] {
    release.get_future().wait();
    return std::string("hanging");
  };
  const auto begin = [&begun] {
    begun = true;
    return std::string("late");
  };
  asio::co_spawn(loop, collect(pool, hang, hanging), asio::detached);
  asio::co_spawn(loop, collect(pool, begin, late), asio::detached);
  std::thread releasing([&release] {
    std::this_thread::sleep_for(60ms);
    release.set_value();
  });
  loop.run();
  releasing.join();
  EXPECT_EQ(hanging.result.value(), "hanging") << "what was begun is never given up";
  EXPECT_FALSE(late.result);
  EXPECT_FALSE(begun);
}

TEST(BlockingPool, WorksElsewhereAndResumesOnTheCallersLoop) {
  asio::io_context loop;
  BlockingPool pool(1, 1);
  Outcome outcome;
  std::thread::id worked_on;
  asio::co_spawn(loop,
                 collect(
                     pool,
                     [&worked_on] {
                       worked_on = std::this_thread::get_id();
                       return std::string("done");
                     },
                     outcome),
                 asio::detached);
  loop.run();
  EXPECT_EQ(outcome.result.value(), "done");
  EXPECT_EQ(outcome.resumed_on, std::this_thread::get_id());
  EXPECT_NE(worked_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace grantd
