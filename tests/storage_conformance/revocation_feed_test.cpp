// What a reader of the revocation feed is told, whatever it has seen and whatever was swept.
#include <map>
#include <set>
#include <thread>

#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using News = RevocationFeedStore::News;

constexpr std::size_t no_limit = 1'000'000;

/// What a reader knows, merged answer by answer as the feed's documentation tells it to.
struct Reader {
  std::optional<std::int64_t> cursor{};
  std::set<std::string> revoked{};
  std::map<std::string, sys_seconds> not_before{};
  std::vector<std::string> kids{};

  void take(const News& news) {
    if (news.full) {
      revoked.clear();
      not_before.clear();
    }
    for (const auto& each : news.revocations) revoked.insert(each.jti);
    for (const auto& each : news.not_before) not_before[each.client_id] = each.at;
    kids = news.compromised_kids;
    cursor = news.seq;
  }
};

class RevocationFeedConformance : public StorageConformance {
 protected:
  News news(std::optional<std::int64_t> since, std::size_t max_entries = no_limit,
            sys_seconds now = test_time) {
    auto read = store->revocation_news(since, now, max_entries);
    if (!read) throw std::runtime_error(read.error().detail);
    return *read;
  }
  void revoke(const std::string& jti, seconds lives = hours{1}) {
    ASSERT_TRUE(store->revoke({jti, test_time + lives}, test_time, test_actor));
  }
  std::size_t read_all(Reader& reader, std::size_t max_entries = no_limit) {
    std::size_t answers = 0;
    for (bool more = true; more; ++answers) {
      const auto read = news(reader.cursor, max_entries);
      reader.take(read);
      more = read.more;
    }
    return answers;
  }
  void compromise(char letter) {
    ASSERT_TRUE(store->update_keys(
        [&](const std::vector<KeyRecord>&) -> std::expected<KeyStore::Update, std::string> {
          auto key = key_record(letter);
          key.compromised = true;
          return KeyStore::Update{{key}, {{ChangeKind::key_compromised, key.kid}}};
        },
        test_time, test_actor));
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, RevocationFeedConformance, ::testing::ValuesIn(all_backends()),
                         backend_name);

TEST_P(RevocationFeedConformance, WithoutACursorEverythingLiveIsTold) {
  EXPECT_TRUE(news({}).full);
  EXPECT_EQ(news({}).seq, 0);
  revoke("a");
  revoke("gone", seconds{0});
  ASSERT_TRUE(store->set_not_before({"c", test_time, test_time + hours{1}}, test_actor));
  ASSERT_TRUE(store->set_not_before({"", test_time, test_time + hours{1}}, test_actor));
  ASSERT_TRUE(store->set_not_before({"gone", test_time, test_time}, test_actor));
  compromise('k');

  const auto all = news({});
  EXPECT_TRUE(all.full);
  EXPECT_FALSE(all.more);
  EXPECT_EQ(all.seq, *store->newest_change());
  ASSERT_EQ(all.revocations.size(), 1U);
  EXPECT_EQ(all.revocations[0].jti, "a");
  EXPECT_EQ(all.revocations[0].expires_at, test_time + hours{1});
  ASSERT_EQ(all.not_before.size(), 2U);
  EXPECT_EQ(all.not_before[0].client_id, "c");
  EXPECT_EQ(all.not_before[0].at, test_time);
  EXPECT_EQ(all.not_before[0].expires_at, test_time + hours{1});
  EXPECT_EQ(all.not_before[1].client_id, "");
  EXPECT_EQ(all.compromised_kids, std::vector<std::string>{std::string(43, 'k')});
}

TEST_P(RevocationFeedConformance, BehindACursorOnlyWhatCameSinceIsTold) {
  revoke("before");
  const auto cursor = news({}).seq;
  revoke("behind");
  const auto told = news(cursor);
  EXPECT_FALSE(told.full);
  ASSERT_EQ(told.revocations.size(), 1U);
  EXPECT_EQ(told.revocations[0].jti, "behind");
  EXPECT_EQ(told.seq, *store->newest_change());
}

TEST_P(RevocationFeedConformance, OtherChangesAreNoNewsAndLeaveTheCursorWhereItIs) {
  revoke("a");
  const auto cursor = news({}).seq;
  create_client("client", 1);
  ASSERT_TRUE(store->enable_client("client", test_time, test_actor));
  const auto told = news(cursor);
  EXPECT_EQ(told.seq, cursor);
  EXPECT_FALSE(told.full);
  EXPECT_FALSE(told.kids_changed);
  EXPECT_TRUE(told.revocations.empty());
  EXPECT_TRUE(told.not_before.empty());
}

TEST_P(RevocationFeedConformance, WhateverMovesANotBeforeTimeMovesItBehindTheCursor) {
  create_client("client", 1);
  Reader reader;
  read_all(reader);
  const auto moves = [&](sys_seconds at, const std::function<void(const NotBefore&)>& move) {
    move({"client", at, at + hours{1}});
    const auto told = news(reader.cursor);
    ASSERT_EQ(told.not_before.size(), 1U);
    EXPECT_EQ(told.not_before[0].at, at);
    EXPECT_EQ(told.seq, *store->newest_change());
    reader.take(told);
  };
  moves(test_time + seconds{1},
        [&](const auto& entry) { ASSERT_TRUE(store->set_not_before(entry, test_actor)); });
  moves(test_time + seconds{2},
        [&](const auto& entry) { ASSERT_TRUE(store->disable_client(entry, test_actor)); });
  moves(test_time + seconds{3},
        [&](const auto& entry) { ASSERT_TRUE(store->delete_client(entry, test_actor)); });
  ASSERT_TRUE(store->set_not_before({"client", test_time, test_time + seconds{1}}, test_actor));
  EXPECT_TRUE(news(reader.cursor).not_before.empty()) << "nothing moved";
}

TEST_P(RevocationFeedConformance, ALaterExpiryIsNewsAndAnEarlierOneIsNot) {
  revoke("a");
  const auto cursor = news({}).seq;
  revoke("a", seconds{1});
  EXPECT_TRUE(news(cursor).revocations.empty());
  revoke("a", hours{2});
  ASSERT_EQ(news(cursor).revocations.size(), 1U);
  EXPECT_EQ(news(cursor).revocations[0].expires_at, test_time + hours{2});
}

TEST_P(RevocationFeedConformance, ACompromisedKeyIsNewsOnceAndStaysInTheList) {
  compromise('k');
  const auto cursor = news({}).seq;
  EXPECT_FALSE(news(cursor).kids_changed);
  compromise('l');
  const auto told = news(cursor);
  EXPECT_TRUE(told.kids_changed);
  EXPECT_EQ(told.seq, *store->newest_change());
  EXPECT_EQ(told.compromised_kids.size(), 2U);
  EXPECT_FALSE(news(told.seq).kids_changed);
  EXPECT_EQ(news(told.seq).compromised_kids.size(), 2U);
  ASSERT_TRUE(store->update_keys(
      [&](const std::vector<KeyRecord>& keys) -> std::expected<KeyStore::Update, std::string> {
        return KeyStore::Update{{keys.front()}, {{ChangeKind::key_changed, keys.front().kid}}};
      },
      test_time, test_actor));
  EXPECT_FALSE(news(told.seq).kids_changed) << "its times alone moved";
  EXPECT_TRUE(news(cursor).kids_changed);
}

TEST_P(RevocationFeedConformance, ACursorFromTheFutureGetsEverything) {
  revoke("a");
  const auto told = news(*store->newest_change() + 1);
  EXPECT_TRUE(told.full);
  EXPECT_EQ(told.revocations.size(), 1U);
  EXPECT_EQ(told.seq, *store->newest_change());
}

TEST_P(RevocationFeedConformance, AReaderMissesNothingThoughTheChangesWereSwept) {
  revoke("a");
  Reader reader;
  read_all(reader);
  revoke("b");
  create_client("client", 1);
  ASSERT_TRUE(store->disable_client({"client", test_time, test_time + hours{1}}, test_actor));
  compromise('k');
  while (*store->sweep_changes(test_time + hours{1}, no_limit) > 0) {
  }
  EXPECT_LE(changes_after(0).size(), 1U);
  read_all(reader);
  EXPECT_EQ(reader.revoked, (std::set<std::string>{"a", "b"}));
  EXPECT_TRUE(reader.not_before.contains("client"));
  EXPECT_EQ(reader.kids.size(), 1U);
}

TEST_P(RevocationFeedConformance, PagesHoldNoMoreThanTheyMayAndTogetherHoldAll) {
  for (int i = 0; i < 7; ++i) revoke("j" + std::to_string(i));
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(store->set_not_before({"c" + std::to_string(i), test_time, test_time + hours{1}},
                                      test_actor));
  }
  const auto first = news({}, 3);
  EXPECT_TRUE(first.full);
  EXPECT_TRUE(first.more);
  EXPECT_EQ(first.revocations.size(), 3U);
  EXPECT_EQ(first.seq, 3);

  Reader reader;
  EXPECT_EQ(read_all(reader, 3), 4U);
  EXPECT_EQ(reader.revoked.size(), 7U);
  EXPECT_EQ(reader.not_before.size(), 4U);
  EXPECT_EQ(reader.cursor, *store->newest_change());
  EXPECT_FALSE(news({}, 11).more) << "exactly as many as fit";
}

TEST_P(RevocationFeedConformance, AnEntryThatMovesBetweenTwoPagesIsToldAnyway) {
  ASSERT_TRUE(store->set_not_before({"c", test_time, test_time + hours{1}}, test_actor));
  for (int i = 0; i < 4; ++i) revoke("j" + std::to_string(i));
  Reader reader;
  reader.take(news({}, 2));
  ASSERT_TRUE(
      store->set_not_before({"c", test_time + seconds{5}, test_time + hours{1}}, test_actor));
  read_all(reader, 2);
  EXPECT_EQ(reader.not_before["c"], test_time + seconds{5});
  EXPECT_EQ(reader.revoked.size(), 4U);
}

TEST_P(RevocationFeedConformance, AReaderBesideManyWritersMissesNothing) {
  constexpr int writers = 6;
  constexpr int rounds = 40;
  const auto other = database->open();
  std::atomic<int> running{writers};
  std::vector<std::jthread> threads;
  threads.reserve(writers);
  for (int t = 0; t < writers; ++t) {
    threads.emplace_back([&, t] {
      Storage& mine = t % 2 == 0 ? *store : *other;
      for (int i = 0; i < rounds; ++i) {
        const auto id = std::to_string(t) + "." + std::to_string(i);
        EXPECT_TRUE(mine.revoke({id, test_time + hours{1}}, test_time, test_actor));
      }
      --running;
    });
  }
  Reader reader;
  while (running > 0) read_all(reader, 5);
  threads.clear();
  read_all(reader, 5);
  EXPECT_EQ(reader.revoked.size(), static_cast<std::size_t>(writers * rounds));
}

}  // namespace
}  // namespace grantd::storage::conformance
