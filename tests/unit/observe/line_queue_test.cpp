#include "server/observe/line_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "server/observe/line.h"

namespace grantd::observe {
namespace {

std::string take(LineQueue& queue, std::size_t at_most = max_line_bytes) {
  std::string out(at_most, '\0');
  out.resize(queue.take(out).bytes);
  return out;
}

std::string long_line(char c) { return std::string(max_line_bytes - 1, c) + "\n"; }

TEST(LineQueue, HasNothingToGiveAtFirstAndAfterItsLast) {
  LineQueue queue(10);
  EXPECT_EQ(take(queue), "");
  queue.push("a\n");
  EXPECT_EQ(take(queue), "a\n");
  EXPECT_EQ(take(queue), "");
  EXPECT_EQ(queue.lines(), 0U);
}

TEST(LineQueue, GivesTheOldestFirstAndWholeLinesAlone) {
  LineQueue queue(10);
  for (const char* line : {"first\n", "second\n", "third\n"}) queue.push(line);
  EXPECT_EQ(take(queue, 6 + 7 + 5), "first\nsecond\n");
  EXPECT_EQ(queue.lines(), 1U);
  EXPECT_EQ(take(queue), "third\n");
}

TEST(LineQueue, SaysHowManyLinesItGave) {
  LineQueue queue(10);
  for (const char* line : {"first\n", "\n", "third\n"}) queue.push(line);
  std::array<char, max_line_bytes> out{};
  const auto taken = queue.take(out);
  EXPECT_EQ(taken.lines, 3U);
  EXPECT_EQ(taken.bytes, 13U);
}

TEST(LineQueue, DropsTheOldestBeyondItsBoundOfLines) {
  LineQueue queue(2);
  for (const char* line : {"1\n", "2\n", "3\n", "4\n", "5\n"}) queue.push(line);
  EXPECT_EQ(queue.dropped(), 3U);
  EXPECT_EQ(take(queue), "4\n5\n");
}

TEST(LineQueue, DropsTheOldestBeyondItsBoundOfBytes) {
  constexpr std::size_t max_bytes = 2 * LineQueue::block_bytes;
  constexpr std::size_t fitting = max_bytes / max_line_bytes;
  LineQueue queue(1000, max_bytes);
  for (std::size_t i = 0; i < fitting; ++i) queue.push(long_line('o'));
  EXPECT_EQ(queue.dropped(), 0U);
  queue.push(long_line('n'));
  EXPECT_GT(queue.dropped(), 0U);
  EXPECT_EQ(queue.dropped() + queue.lines(), fitting + 1);
  std::string last;
  while (queue.lines() > 0) last = take(queue);
  EXPECT_EQ(last, long_line('n'));
}

TEST(LineQueue, HoldsALineHoweverSmallItsBounds) {
  LineQueue queue(0, 0);
  queue.push(long_line('a'));
  queue.push(long_line('b'));
  EXPECT_EQ(take(queue), long_line('b'));
  EXPECT_EQ(queue.dropped(), 1U);
}

TEST(LineQueue, LosesAndReordersNothingWhateverIsPushedAndTaken) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time
  LineQueue queue(200, 8 * LineQueue::block_bytes);
  std::deque<std::string> expected;
  std::uint64_t dropped = 0;
  for (int turn = 0; turn < 20'000; ++turn) {
    if (random() % 200 != 0) {
      const std::size_t size = random() % 20 == 0 ? max_line_bytes : 1 + random() % 600;
      expected.push_back(std::string(size - 1, static_cast<char>('a' + turn % 26)) + "\n");
      queue.push(expected.back());
    } else {
      const std::string taken = take(queue, max_line_bytes + random() % 40'000);
      for (std::string left = taken; !left.empty(); expected.pop_front()) {
        ASSERT_TRUE(left.starts_with(expected.front()));
        left.erase(0, expected.front().size());
      }
    }
    for (; dropped < queue.dropped(); ++dropped) expected.pop_front();
    ASSERT_EQ(queue.lines(), expected.size());
  }
  EXPECT_GT(dropped, 0U);
}

}  // namespace
}  // namespace grantd::observe
