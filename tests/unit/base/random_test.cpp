#include "server/base/random.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "server/base/descriptor.h"

namespace grantd {
namespace {

/// 0, 1, 2, …, 255, 0, …
class CountingRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& octet : out) octet = std::byte{next_++};
  }

 private:
  unsigned char next_{0};
};

TEST(SystemRandom, FillsAllOfALargeBuffer) {
  SystemRandom random;
  std::string first(1'000'000, '\0');
  random.fill(std::as_writable_bytes(std::span(first)));
  // A million octets without one of the 256 values, or ending in 16 zeros, means it stopped early.
  EXPECT_EQ(std::set<char>(first.begin(), first.end()).size(), 256U);
  EXPECT_NE(first.substr(first.size() - 16), std::string(16, '\0'));
}

TEST(SystemRandom, NeverRepeatsItself) {
  SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_hex(random, 16));
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(SystemRandom, NeverRepeatsAnIdOfAnyThread) {
  SystemRandom random;
  constexpr std::size_t threads = 4;
  constexpr std::size_t ids_each = 1000;
  std::vector<std::vector<std::string>> drawn(threads);
  {
    std::vector<std::jthread> drawing;
    for (auto& ids : drawn) {
      drawing.emplace_back([&random, &ids] {
        // Of several lengths, so that refills come at all places.
        for (std::size_t i = 0; i < ids_each; ++i) ids.push_back(random_id(random, 16 + i % 5));
      });
    }
  }
  std::set<std::string> seen;
  for (const auto& ids : drawn) {
    for (const auto& id : ids) seen.insert(id.substr(0, 32));
  }
  EXPECT_EQ(seen.size(), threads * ids_each);
}

TEST(SystemRandom, GivesIdsWithoutAnOctetThatWasUsedOrNeverDrawn) {
  SystemRandom random;
  std::string zeros(8, '\0');
  for (const std::size_t size : {8U, 256U, 257U, 5000U}) {
    std::string first(size, '\0');
    std::string second(size, '\0');
    random.fill_id(std::as_writable_bytes(std::span(first)));
    random.fill_id(std::as_writable_bytes(std::span(second)));
    EXPECT_NE(first, second);
    EXPECT_EQ((first + second).find(zeros), std::string::npos) << size;
  }
}

TEST(SystemRandom, GivesAChildProcessOtherIdsThanItsParent) {
  SystemRandom random;
  (void)random_id(random, 16);  // from here on both have something drawn ahead
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Descriptor reader(ends[0]);
  const Descriptor writer(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string id = random_id(random, 16);
    ::_exit(::write(writer.get(), id.data(), id.size()) == 32 ? 0 : 1);
  }
  std::string of_child(32, '\0');
  ASSERT_EQ(::read(reader.get(), of_child.data(), of_child.size()), 32);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_NE(of_child, random_id(random, 16));
}

TEST(RandomId, DrawsIdsFromWhatIsInjected) {
  CountingRandom random;
  EXPECT_EQ(random_id(random, 12), "000102030405060708090a0b");
  EXPECT_EQ(random_id(random, 2), "0c0d");
}

TEST(RandomHex, DrawsNoMoreThanItWrites) {
  CountingRandom random;
  EXPECT_EQ(random_hex(random, 65).size(), 130U);
  EXPECT_EQ(random_hex(random, 1), "41");
}

TEST(RandomHex, WritesEachOctetAsTwoLowerCaseDigits) {
  CountingRandom random;
  EXPECT_EQ(random_hex(random, 12), "000102030405060708090a0b");
  EXPECT_EQ(random_hex(random, 0), "");
}

TEST(RandomText, DrawsEveryCharacterEquallyOften) {
  CountingRandom random;
  // 256 is no multiple of 36: the last four octets of a round must be thrown away.
  const std::string alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  const std::string text = random_text(random, 252 * 4, alphabet);
  for (const char c : alphabet) EXPECT_EQ(std::ranges::count(text, c), 28) << c;
}

TEST(RandomText, TakesAlphabetsOfTwoTo256Characters) {
  CountingRandom random;
  EXPECT_EQ(random_text(random, 4, "01"), "0101");
  EXPECT_THROW((void)random_text(random, 1, ""), std::invalid_argument);
  EXPECT_THROW((void)random_text(random, 1, "a"), std::invalid_argument);
  EXPECT_THROW((void)random_text(random, 1, std::string(257, 'a')), std::invalid_argument);
}

}  // namespace
}  // namespace grantd
