#include "server/tokens/status_lists.h"

#include <gtest/gtest.h>

#include "server/tokens/status_reference.h"

namespace grantd::tokens {
namespace {

using namespace std::chrono_literals;

const sys_seconds now{1'800'000'000s};

std::string jti(std::uint64_t list, std::uint64_t index) {
  return "0123456789abcdef0123456789abcdef" + jti_suffix({list, index});
}

StatusLists::List list(std::uint64_t id, std::uint32_t capacity = 32) {
  return {id, now + 1h, capacity};
}

TEST(TokenStatusLists, TheFirstEntryIsTheLowestBitOfTheFirstOctet) {
  StatusLists lists;
  lists.know(list(1));
  for (const auto index : {0U, 3U, 8U, 31U}) lists.revoke(jti(1, index), now + 1h);
  EXPECT_EQ(lists.content(1)->octets, std::string("\x09\x01\x00\x80", 4));
}

TEST(TokenStatusLists, AFreshListIsAllZeroesAndAsLongAsItsCapacity) {
  StatusLists lists;
  lists.know(list(1, 1024));
  EXPECT_EQ(lists.content(1)->octets, std::string(128, '\0'));
}

TEST(TokenStatusLists, TheVersionGrowsWithEachBitAndOnlyThen) {
  StatusLists lists;
  lists.know(list(1));
  const auto before = lists.version(1);
  lists.revoke(jti(1, 5), now + 1h);
  EXPECT_EQ(lists.version(1), before + 1);
  lists.revoke(jti(1, 5), now + 2h);
  EXPECT_EQ(lists.version(1), before + 1);
  EXPECT_EQ(lists.content(1)->version, before + 1);
  lists.revoke(jti(2, 5), now + 1h);
  EXPECT_EQ(lists.version(1), before + 1);
}

TEST(TokenStatusLists, RevocationsMayComeBeforeTheListIsKnown) {
  StatusLists lists;
  lists.revoke(jti(1, 1), now + 1h);
  EXPECT_FALSE(lists.find(1));
  EXPECT_FALSE(lists.content(1));
  lists.know(list(1));
  EXPECT_EQ(lists.content(1)->octets[0], '\x02');
}

TEST(TokenStatusLists, AJtiWithoutAnEntryFlipsNothing) {
  StatusLists lists;
  lists.know(list(1));
  lists.revoke("0123456789abcdef0123456789abcdef", now + 1h);
  EXPECT_EQ(lists.version(1), 0U);
}

TEST(TokenStatusLists, AnEntryBehindTheEndOfItsListIsNotServed) {
  StatusLists lists;
  lists.know(list(1, 16));
  lists.revoke(jti(1, max_status_list_capacity - 1), now + 1h);
  EXPECT_EQ(lists.content(1)->octets, std::string(2, '\0'));
}

TEST(TokenStatusLists, AListIsForgottenWhenItIsDead) {
  StatusLists lists;
  lists.know(list(1));
  lists.revoke(jti(1, 1), now + 2h);
  lists.revoke(jti(2, 1), now + 30min);  // of a list that never became known
  lists.sweep(now + 30min - 1s);
  EXPECT_TRUE(lists.find(1));
  EXPECT_EQ(lists.version(2), 1U);
  lists.sweep(now + 1h);
  EXPECT_FALSE(lists.find(1));
  EXPECT_EQ(lists.version(2), 0U);
}

TEST(TokenStatusLists, WithAnotherDatabaseListsAreToBeLearntAnewAndBitsStay) {
  StatusLists lists;
  lists.know(list(1));
  lists.revoke(jti(1, 0), now + 1h);
  const auto before = lists.version(1);
  lists.forget_lists();
  EXPECT_FALSE(lists.find(1));
  lists.know(list(1, 64));
  EXPECT_NE(lists.version(1), before);
  EXPECT_EQ(lists.content(1)->octets, '\x01' + std::string(7, '\0'));
}

}  // namespace
}  // namespace grantd::tokens
