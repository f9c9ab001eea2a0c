#include <set>
#include <thread>
#include <tuple>

#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class RevocationStoreConformance : public StorageConformance {
 protected:
  std::set<std::string> live_at(sys_seconds now) {
    std::set<std::string> ids;
    const auto loaded = store->load_revocations(
        now, [&](const Revocation& revocation) { ids.insert(revocation.jti); });
    EXPECT_TRUE(loaded);
    return ids;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, RevocationStoreConformance, ::testing::ValuesIn(all_backends()),
                         backend_name);

TEST_P(RevocationStoreConformance, WhatIsRevokedIsThereForEveryProcess) {
  ASSERT_TRUE(store->revoke({"j1", test_time + hours{1}}, test_time, "client:billing"));
  const auto found = database->open()->find_revocation("j1");
  ASSERT_TRUE(found);
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->expires_at, test_time + hours{1});
  EXPECT_EQ(*store->find_revocation("j2"), std::nullopt);

  const auto changes = changes_after(0);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].kind, ChangeKind::token_revoked);
  EXPECT_EQ(changes[0].id, "j1");
  EXPECT_EQ(changes[0].at, test_time);
  EXPECT_EQ(changes[0].actor, "client:billing");
}

TEST_P(RevocationStoreConformance, TheLaterExpiryStays) {
  ASSERT_TRUE(store->revoke({"j1", test_time + hours{1}}, test_time, test_actor));
  ASSERT_TRUE(store->revoke({"j1", test_time + hours{2}}, test_time, test_actor));
  ASSERT_TRUE(store->revoke({"j1", test_time + seconds{1}}, test_time, test_actor));
  EXPECT_EQ((*store->find_revocation("j1"))->expires_at, test_time + hours{2});
}

TEST_P(RevocationStoreConformance, RevokingAgainAppendsNothing) {
  ASSERT_TRUE(store->revoke({"j1", test_time + hours{1}}, test_time, test_actor));
  ASSERT_TRUE(store->revoke({"j1", test_time + hours{1}}, test_time + seconds{4}, test_actor));
  EXPECT_EQ(store->newest_change(), 1);
}

TEST_P(RevocationStoreConformance, AnEntryHasExpiredAtItsVeryExpiry) {
  ASSERT_TRUE(store->revoke({"now", test_time}, test_time, test_actor));
  ASSERT_TRUE(store->revoke({"later", test_time + seconds{1}}, test_time, test_actor));
  ASSERT_TRUE(store->set_not_before({"a", test_time, test_time}, test_actor));
  ASSERT_TRUE(store->set_not_before({"b", test_time, test_time + seconds{1}}, test_actor));
  EXPECT_EQ(live_at(test_time), std::set<std::string>{"later"});
  ASSERT_EQ(store->load_not_before(test_time)->size(), 1U);
  EXPECT_EQ(store->load_not_before(test_time)->front().client_id, "b");
}

TEST_P(RevocationStoreConformance, TheLaterNotBeforeStays) {
  ASSERT_TRUE(
      store->set_not_before({"a", test_time + seconds{9}, test_time + hours{1}}, test_actor));
  ASSERT_TRUE(store->set_not_before({"a", test_time, test_time + hours{2}}, test_actor));
  const auto stored = *store->load_not_before(test_time);
  ASSERT_EQ(stored.size(), 1U);
  EXPECT_EQ(stored[0].at, test_time + seconds{9});
  EXPECT_EQ(stored[0].expires_at, test_time + hours{2});
}

TEST_P(RevocationStoreConformance, ANotBeforeNamesOneClientOrAll) {
  ASSERT_TRUE(store->set_not_before({"a", test_time, test_time + hours{1}}, test_actor));
  ASSERT_TRUE(store->set_not_before({"", test_time, test_time + hours{1}}, test_actor));
  ASSERT_TRUE(store->set_not_before({"", test_time, test_time + hours{1}}, test_actor));
  const auto changes = changes_after(0);
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].kind, ChangeKind::client_revoked);
  EXPECT_EQ(changes[0].id, "a");
  EXPECT_EQ(changes[1].kind, ChangeKind::all_revoked);
  EXPECT_EQ(changes[1].id, "");
}

TEST_P(RevocationStoreConformance, ASweepTakesWhatExpiredAndNoMoreThanItMay) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(store->revoke({"old" + std::to_string(i), test_time}, test_time, test_actor));
  }
  ASSERT_TRUE(store->revoke({"live", test_time + seconds{1}}, test_time, test_actor));
  ASSERT_TRUE(store->set_not_before({"old", test_time, test_time}, test_actor));
  ASSERT_TRUE(store->set_not_before({"live", test_time, test_time + seconds{1}}, test_actor));
  const auto newest = *store->newest_change();

  EXPECT_EQ(store->sweep_revocations(test_time, 2), 2U);
  EXPECT_EQ(store->sweep_revocations(test_time, 100), 4U);
  EXPECT_EQ(store->sweep_revocations(test_time, 100), 0U);
  EXPECT_EQ(live_at(test_time - hours{1}), std::set<std::string>{"live"});
  EXPECT_EQ(store->load_not_before(test_time - hours{1})->size(), 1U);
  EXPECT_EQ(store->newest_change(), newest);
}

TEST_P(RevocationStoreConformance, LoadingHoldsUpNoWriterAndSeesOneMoment) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(
        store->revoke({"j" + std::to_string(i), test_time + hours{1}}, test_time, test_actor));
  }
  const auto other = database->open();
  std::size_t seen = 0;
  ASSERT_TRUE(store->load_revocations(test_time, [&](const Revocation&) {
    const std::string id = "during" + std::to_string(seen++);
    EXPECT_TRUE(other->revoke({id, test_time + hours{1}}, test_time, test_actor));
  }));
  EXPECT_EQ(seen, 3U);
  EXPECT_EQ(live_at(test_time).size(), 6U);
}

TEST_P(RevocationStoreConformance, ACallbackThatThrowsReachesTheCallerAndLeavesNothingLocked) {
  ASSERT_TRUE(store->revoke({"j", test_time + hours{1}}, test_time, test_actor));
  for (int i = 0; i < 5; ++i) {  // more often than there are reading connections
    EXPECT_THROW(std::ignore = store->load_revocations(
                     test_time, [](const Revocation&) { throw std::domain_error("each"); }),
                 std::domain_error);
  }
  EXPECT_EQ(live_at(test_time).size(), 1U);
}

TEST_P(RevocationStoreConformance, OneTokenRevokedByManyAtOnceIsOneChange) {
  std::vector<std::jthread> workers;
  workers.reserve(16);
  for (int t = 0; t < 16; ++t) {
    workers.emplace_back([this] {
      EXPECT_TRUE(store->revoke({"same", test_time + hours{1}}, test_time, test_actor));
    });
  }
  workers.clear();
  EXPECT_EQ(store->newest_change(), 1);
}

TEST_P(RevocationStoreConformance, ManyThreadsOfTwoProcessesLoseNothing) {
  constexpr int threads = 8;
  constexpr int rounds = 40;
  const auto other = database->open();
  std::vector<std::jthread> workers;
  workers.reserve(threads);
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      Storage& mine = t % 2 == 0 ? *store : *other;
      for (int i = 0; i < rounds; ++i) {
        const std::string id = std::to_string(t) + "." + std::to_string(i);
        const auto revoked = mine.revoke({id, test_time + hours{1}}, test_time, test_actor);
        EXPECT_TRUE(revoked) << revoked.error().detail;
        // What was acknowledged is there for the other process at once.
        const auto found = (t % 2 == 0 ? *other : *store).find_revocation(id);
        EXPECT_TRUE(found && *found);
      }
    });
  }
  workers.clear();
  EXPECT_EQ(live_at(test_time).size(), static_cast<std::size_t>(threads * rounds));
  EXPECT_EQ(store->newest_change(), threads * rounds);
}

}  // namespace
}  // namespace grantd::storage::conformance
