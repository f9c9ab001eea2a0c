#include <set>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class RevocationStoreConformance : public StorageConformance {
 protected:
  static PendingRevocation asked(std::string jti, seconds lives) {
    return {{std::move(jti), test_time + lives}, test_time, std::string(test_actor)};
  }
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

TEST_P(RevocationStoreConformance, AGroupIsOneChangeEachInItsOrder) {
  ASSERT_TRUE(store->revoke({"known", test_time + hours{1}}, test_time, test_actor));
  const std::vector<PendingRevocation> group{
      {{"z", test_time + hours{1}}, test_time, "client:a"},
      {{"known", test_time + hours{1}}, test_time, "client:a"},
      {{"a", test_time + hours{2}}, test_time + seconds{1}, "client:b"}};
  ASSERT_TRUE(store->revoke_all(group));
  EXPECT_EQ(live_at(test_time), (std::set<std::string>{"known", "z", "a"}));

  const auto changes = changes_after(1);
  ASSERT_EQ(changes.size(), 2U) << "nothing for the one that did not move";
  EXPECT_EQ(changes[0].seq, 2);
  EXPECT_EQ(changes[0].id, "z");
  EXPECT_EQ(changes[0].actor, "client:a");
  EXPECT_EQ(changes[1].seq, 3);
  EXPECT_EQ(changes[1].id, "a");
  EXPECT_EQ(changes[1].at, test_time + seconds{1});
  EXPECT_EQ(changes[1].actor, "client:b");
  EXPECT_EQ(store->newest_change(), 3);
  // What follows it goes on behind it.
  ASSERT_TRUE(store->set_not_before({"c", test_time, test_time + hours{1}}, test_actor));
  EXPECT_EQ(store->newest_change(), 4);
}

TEST_P(RevocationStoreConformance, ATokenThatAGroupNamesTwiceCountsOnceWithTheLatestExpiry) {
  const std::vector<PendingRevocation> group{
      {{"twice", test_time + hours{1}}, test_time, "client:first"},
      {{"other", test_time + hours{1}}, test_time, "client:first"},
      {{"twice", test_time + hours{3}}, test_time + seconds{1}, "client:second"},
      {{"twice", test_time + hours{2}}, test_time + seconds{2}, "client:third"}};
  ASSERT_TRUE(store->revoke_all(group));
  EXPECT_EQ((*store->find_revocation("twice"))->expires_at, test_time + hours{3});
  const auto changes = changes_after(0);
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].id, "twice");
  EXPECT_EQ(changes[0].at, test_time);
  EXPECT_EQ(changes[0].actor, "client:first");
  EXPECT_EQ(changes[1].id, "other");

  ASSERT_TRUE(store->revoke_all(group));
  EXPECT_EQ(store->newest_change(), 2) << "nothing moves the second time";
  ASSERT_TRUE(store->revoke_all({}));
  EXPECT_EQ(store->newest_change(), 2);
}

TEST_P(RevocationStoreConformance, AGroupOfThousandsIsReadAsOneByTheFeed) {
  constexpr int entries = 3000;
  std::vector<PendingRevocation> group;
  group.reserve(entries);
  for (int i = 0; i < entries; ++i) {
    group.push_back(asked("j" + std::to_string(i), hours{1}));
  }
  ASSERT_TRUE(store->revoke_all(group));
  const auto news = store->revocation_news(0, test_time, entries);
  ASSERT_TRUE(news);
  ASSERT_EQ(news->revocations.size(), std::size_t{entries});
  EXPECT_EQ(news->revocations.front().jti, "j0");
  EXPECT_EQ(news->revocations.back().jti, "j" + std::to_string(entries - 1));
  EXPECT_EQ(news->seq, entries);
}

TEST_P(RevocationStoreConformance, GroupsOfSeveralProcessesLeaveNoHoleAndNoDouble) {
  constexpr int processes = 4;
  constexpr int rounds = 20;
  constexpr int size = 8;
  in_processes(processes, [&](int number, Storage& mine) {
    for (int round = 0; round < rounds; ++round) {
      std::vector<PendingRevocation> group{asked("shared", seconds{1 + round})};
      for (int i = 1; i < size; ++i) {
        group.push_back(asked(std::to_string((number * rounds + round) * size + i), hours{1}));
      }
      const auto revoked = mine.revoke_all(group);
      EXPECT_TRUE(revoked) << revoked.error().detail;
    }
  });
  EXPECT_EQ(live_at(test_time).size(), std::size_t{processes * rounds * (size - 1) + 1});
  EXPECT_EQ((*store->find_revocation("shared"))->expires_at, test_time + seconds{rounds});
  std::int64_t last = 0;
  for (const auto& change : changes_after(0)) EXPECT_EQ(change.seq, ++last);
  EXPECT_EQ(*store->newest_change(), last);
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

TEST_P(RevocationStoreConformance, AreCountedExpiredOrNot) {
  EXPECT_EQ(store->count_revocations(), 0U);
  ASSERT_TRUE(store->revoke({"live", test_time + hours{1}}, test_time, test_actor));
  ASSERT_TRUE(store->revoke({"dead", test_time - hours{1}}, test_time, test_actor));
  EXPECT_EQ(store->count_revocations(), 2U);
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

TEST_P(RevocationStoreConformance, OfManyExpiriesOfOneTokenTheLatestStays) {
  constexpr int threads = 16;
  for (int round = 0; round < 5; ++round) {
    const auto jti = "same" + std::to_string(round);
    std::vector<std::jthread> workers;
    workers.reserve(threads);
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        EXPECT_TRUE(store->revoke({jti, test_time + seconds{1 + t}}, test_time, test_actor));
        EXPECT_TRUE(store->revoke({jti + "." + std::to_string(t), test_time + seconds{1}},
                                  test_time, test_actor));
      });
    }
    workers.clear();
    EXPECT_EQ((*store->find_revocation(jti))->expires_at, test_time + seconds{threads});
  }
  std::int64_t last = 0;
  for (const auto& change : changes_after(0)) EXPECT_EQ(change.seq, ++last);
  EXPECT_EQ(*store->newest_change(), last);
}

TEST_P(RevocationStoreConformance, SweepsOfSeveralProcessesTakeEachEntryOnce) {
  constexpr int entries = 200;
  constexpr int processes = 4;
  {
    std::vector<std::jthread> workers;
    workers.reserve(processes);
    for (int t = 0; t < processes; ++t) {
      workers.emplace_back([&, t] {
        for (int i = t; i < entries; i += processes) {
          EXPECT_TRUE(store->revoke({"j" + std::to_string(i), test_time}, test_time, test_actor));
        }
      });
    }
  }
  std::atomic<std::size_t> swept{0};
  in_processes(processes, [&](int, Storage& mine) {
    for (int i = 0; i < entries / processes; ++i) {
      const auto took = mine.sweep_revocations(test_time, 3);
      ASSERT_TRUE(took) << took.error().detail;
      EXPECT_LE(*took, 3U);
      swept += *took;
    }
  });
  while (const auto rest = store->sweep_revocations(test_time, 100).value()) swept += rest;
  EXPECT_EQ(swept, static_cast<std::size_t>(entries));
}

TEST_P(RevocationStoreConformance, ASweepNeverTakesWhatIsProlongedMeanwhile) {
  constexpr int rounds = 50;
  std::atomic<bool> done{false};
  in_processes(3, [&](int number, Storage& mine) {
    if (number > 0) {
      while (!done) EXPECT_TRUE(mine.sweep_revocations(test_time, 100));
      return;
    }
    for (int i = 0; i < rounds; ++i) {
      const auto jti = "j" + std::to_string(i);
      EXPECT_TRUE(mine.revoke({jti, test_time}, test_time, test_actor));
      EXPECT_TRUE(mine.revoke({jti, test_time + hours{1}}, test_time, test_actor));
      EXPECT_TRUE(mine.set_not_before({jti, test_time, test_time}, test_actor));
      EXPECT_TRUE(
          mine.set_not_before({jti, test_time + seconds{1}, test_time + hours{1}}, test_actor));
    }
    done = true;
  });
  EXPECT_EQ(live_at(test_time).size(), static_cast<std::size_t>(rounds));
  EXPECT_EQ(store->load_not_before(test_time)->size(), static_cast<std::size_t>(rounds));
}

}  // namespace
}  // namespace grantd::storage::conformance
