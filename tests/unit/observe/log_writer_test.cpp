#include "server/observe/log_writer.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <climits>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "server/observe/line.h"
#include "tests/unit/observe/stdout_pipe.h"

namespace grantd::observe {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t many_lines = 8192;

std::string numbered(char thread, std::size_t number, std::size_t bytes = 16) {
  std::string line = thread + std::to_string(number) + " ";
  line.resize(std::max(line.size(), bytes - 1), '.');
  return line + "\n";
}

/// Reads slowly until nobody writes any more.
std::string read_slowly(int reader) {
  std::string text;
  std::string some(10'000, '\0');
  for (ssize_t got = 0; (got = ::read(reader, some.data(), some.size())) > 0;) {
    text.append(some, 0, static_cast<std::size_t>(got));
    std::this_thread::sleep_for(1ms);
  }
  return text;
}

/// The numbers of each thread's lines, in the order of the text; fails where a line is not whole.
std::map<char, std::vector<std::size_t>> numbers_in(const std::string& text, std::size_t bytes) {
  std::map<char, std::vector<std::size_t>> numbers;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::size_t number = std::stoul(line.substr(1));
    EXPECT_EQ(line + "\n", numbered(line[0], number, bytes));
    numbers[line[0]].push_back(number);
  }
  return numbers;
}

TEST(LogWriter, WritesALoneLineWithoutBeingAsked) {
  int readable = 0;
  {
    const StdoutPipe out;
    LogWriter writer(many_lines);
    for (int i = 0; i < 3; ++i) {
      writer.post("alone\n");
      pollfd reader{.fd = out.reader(), .events = POLLIN, .revents = 0};
      readable += ::poll(&reader, 1, 10'000);
      (void)out.read();
    }
  }
  EXPECT_EQ(readable, 3);
}

TEST(LogWriter, WritesABurstInFewAndWholePieces) {
  constexpr std::size_t lines = 300;
  constexpr std::size_t bytes = 128;
  std::vector<std::string> pieces;
  {
    const StdoutPipe out(O_DIRECT);
    LogWriter writer(many_lines);
    for (std::size_t i = 0; i < lines; ++i) writer.post(numbered('a', i, bytes));
    writer.flush();
    while (pieces.size() < lines) {
      std::string piece(PIPE_BUF, '\0');
      pollfd reader{.fd = out.reader(), .events = POLLIN, .revents = 0};
      if (::poll(&reader, 1, 0) == 0) break;
      piece.resize(static_cast<std::size_t>(::read(out.reader(), piece.data(), piece.size())));
      pieces.push_back(piece);
    }
  }
  std::string text;
  for (const auto& piece : pieces) {
    EXPECT_EQ(piece.back(), '\n');
    text += piece;
  }
  EXPECT_EQ(numbers_in(text, bytes)['a'].size(), lines);
  // Full ones, and those that a slow machine lets the thread find half full.
  EXPECT_LE(pieces.size(), 2 * lines * bytes / PIPE_BUF);
}

TEST(LogWriter, KeepsTheOrderOfEachThreadBeforeASlowReader) {
  constexpr std::size_t lines = 4000;
  constexpr std::size_t bytes = 300;
  std::string text;
  std::uint64_t dropped = 0;
  {
    StdoutPipe out;
    std::jthread reading([&] { text = read_slowly(out.reader()); });
    {
      LogWriter writer(many_lines);
      {
        std::vector<std::jthread> threads;
        for (const char name : {'a', 'b'}) {
          threads.emplace_back([&writer, name] {
            for (std::size_t i = 0; i < lines; ++i) writer.post(numbered(name, i, bytes));
          });
        }
      }
      writer.flush();
      dropped = writer.dropped();
    }
    out.restore();
  }
  auto numbers = numbers_in(text, bytes);
  EXPECT_EQ(dropped, 0U);
  for (const char name : {'a', 'b'}) {
    ASSERT_EQ(numbers[name].size(), lines);
    for (std::size_t i = 0; i < lines; ++i) EXPECT_EQ(numbers[name][i], i);
  }
}

TEST(LogWriter, WritesTheNewestOnceAStalledReaderGoesOn) {
  constexpr std::size_t queue_lines = 100;
  constexpr std::size_t posted = 1000;
  std::string text;
  std::uint64_t dropped = 0;
  {
    StdoutPipe out;
    out.stall();
    LogWriter writer(queue_lines);
    for (std::size_t i = 0; i < posted; ++i) writer.post(numbered('a', i));
    dropped = writer.dropped();
    (void)out.read();
    writer.flush();
    text = out.read();
  }
  EXPECT_EQ(dropped, posted - queue_lines);
  const auto numbers = numbers_in(text, 16)['a'];
  ASSERT_EQ(numbers.size(), queue_lines);
  EXPECT_EQ(numbers.front(), posted - queue_lines);
  EXPECT_EQ(numbers.back(), posted - 1);
}

TEST(LogWriter, CountsWhatAFullDiskDoesNotTakeAndLivesOn) {
  constexpr std::size_t posted = 1000;
  std::uint64_t dropped = 0;
  {
    const StdoutInstead out(Descriptor(::open("/dev/full", O_WRONLY | O_CLOEXEC)));
    LogWriter writer(many_lines);
    for (std::size_t i = 0; i < posted; ++i) writer.post(numbered('a', i));
    writer.flush();
    dropped = writer.dropped();
  }
  EXPECT_EQ(dropped, posted);
}

TEST(LogWriter, CountsWhatAClosedStdoutDoesNotTakeAndLivesOn) {
  constexpr std::size_t posted = 1000;
  std::uint64_t dropped = 0;
  {
    StdoutPipe out;
    out.close_reader();
    LogWriter writer(many_lines);
    for (std::size_t i = 0; i < posted; ++i) writer.post(numbered('a', i));
    writer.flush();
    dropped = writer.dropped();
  }
  EXPECT_EQ(dropped, posted);
}

TEST(LogWriter, WritesWhatWaitsBeforeItEnds) {
  constexpr std::size_t lines = 400;
  std::string text;
  {
    const StdoutPipe out;
    {
      LogWriter writer(many_lines);
      for (std::size_t i = 0; i < lines; ++i) writer.post(numbered('a', i, 100));
    }
    text = out.read();
  }
  EXPECT_EQ(numbers_in(text, 100)['a'].size(), lines);
}

TEST(LogWriter, EndsWithinItsSecondWhereAFullQueueWaitsForAStalledReader) {
  std::chrono::steady_clock::duration took{};
  {
    StdoutPipe out;
    out.stall();
    std::chrono::steady_clock::time_point begin;
    {
      LogWriter writer(many_lines);
      for (std::size_t i = 0; i < 2 * many_lines; ++i) writer.post(numbered('a', i, 300));
      begin = std::chrono::steady_clock::now();
    }
    took = std::chrono::steady_clock::now() - begin;
  }
  EXPECT_GE(took, LogWriter::max_wait);
  EXPECT_LT(took, 10 * LogWriter::max_wait);
}

}  // namespace
}  // namespace grantd::observe
