#include <algorithm>
#include <thread>
#include <tuple>

#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class KeyStoreConformance : public StorageConformance {
 protected:
  using Decision = std::expected<KeyStore::Update, std::string>;

  StoreResult<std::vector<KeyRecord>> try_update(const KeyStore::Update& wanted) {
    return store->update_keys([&](const std::vector<KeyRecord>&) -> Decision { return wanted; },
                              test_time, test_actor);
  }

  void update(const KeyStore::Update& wanted) {
    const auto updated = try_update(wanted);
    ASSERT_TRUE(updated) << updated.error().detail;
  }

  void put(const KeyRecord& key) {
    update({.put = {key}, .changes = {{ChangeKind::key_published, key.kid}}});
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, KeyStoreConformance, ::testing::ValuesIn(all_backends()),
                         backend_name);

TEST_P(KeyStoreConformance, AKeyIsLoadedAsItWasPut) {
  KeyRecord key = key_record('a');
  put(key);
  EXPECT_EQ(*database->open()->load_keys(), std::vector{key});

  key.origin = KeyOrigin::standby;
  key.signing_since = test_time + seconds{1};
  key.rotates_at = test_time + seconds{2};
  key.retires_at = test_time + seconds{3};
  key.removed_at = test_time + seconds{4};
  key.max_lifetime = hours{2};
  key.compromised = true;
  put(key);
  EXPECT_EQ(*database->open()->load_keys(), std::vector{key});
}

TEST_P(KeyStoreConformance, KeysComeByPublicationThenKid) {
  KeyRecord late = key_record('a');
  late.published_at += seconds{1};
  put(late);
  put(key_record('c'));
  put(key_record('b'));
  const auto keys = *store->load_keys();
  ASSERT_EQ(keys.size(), 3U);
  EXPECT_EQ(keys[0].kid[0], 'b');
  EXPECT_EQ(keys[1].kid[0], 'c');
  EXPECT_EQ(keys[2].kid[0], 'a');
}

TEST_P(KeyStoreConformance, AnUpdateSeesTheKeysAndReturnsThemAsTheyAreAfterwards) {
  put(key_record('a'));
  const auto after = store->update_keys(
      [](const std::vector<KeyRecord>& keys) -> Decision {
        EXPECT_EQ(keys.size(), 1U);
        return KeyStore::Update{{key_record('b')},
                                {{ChangeKind::key_published, key_record('b').kid},
                                 {ChangeKind::key_signing, key_record('a').kid}}};
      },
      test_time + seconds{7}, "server");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->size(), 2U);

  const auto changes = changes_after(1);
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].kind, ChangeKind::key_published);
  EXPECT_EQ(changes[1].kind, ChangeKind::key_signing);
  EXPECT_EQ(changes[1].id, key_record('a').kid);
  EXPECT_EQ(changes[1].at, test_time + seconds{7});
  EXPECT_EQ(changes[1].actor, "server");
}

TEST_P(KeyStoreConformance, ARefusalWritesNothing) {
  const auto refused = store->update_keys(
      [](const std::vector<KeyRecord>&) -> Decision { return std::unexpected("no successor"); },
      test_time, test_actor);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, StoreErrorCode::refused);
  EXPECT_EQ(refused.error().detail, "no successor");
  EXPECT_EQ(store->newest_change(), 0);
}

TEST_P(KeyStoreConformance, ADecisionThatThrowsLeavesNothingLocked) {
  EXPECT_THROW(
      std::ignore = store->update_keys(
          [](const std::vector<KeyRecord>&) -> Decision { throw std::domain_error("decide"); },
          test_time, test_actor),
      std::domain_error);
  put(key_record('a'));
}

TEST_P(KeyStoreConformance, APartThatFailsUndoesTheWhole) {
  KeyRecord malformed = key_record('b');
  malformed.kid = "short";
  const auto failed = store->update_keys(
      [&](const std::vector<KeyRecord>&) -> Decision {
        return KeyStore::Update{{key_record('a'), malformed}, {}};
      },
      test_time, test_actor);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, StoreErrorCode::limit);
  EXPECT_TRUE(store->load_keys()->empty());
}

TEST_P(KeyStoreConformance, UpdatesOfSeveralProcessesNeverInterleave) {
  put(key_record('a'));
  constexpr int threads = 4;
  constexpr int rounds = 25;
  const auto other = database->open();
  std::vector<std::jthread> workers;
  workers.reserve(threads);
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      Storage& mine = t % 2 == 0 ? *store : *other;
      for (int i = 0; i < rounds; ++i) {
        EXPECT_TRUE(mine.update_keys(
            [](const std::vector<KeyRecord>& keys) -> Decision {
              KeyRecord next = keys.at(0);
              next.max_lifetime += seconds{1};
              return KeyStore::Update{{next}, {{ChangeKind::key_changed, next.kid}}};
            },
            test_time, test_actor));
      }
    });
  }
  workers.clear();
  EXPECT_EQ(store->load_keys()->at(0).max_lifetime, hours{1} + seconds{threads * rounds});
}

TEST_P(KeyStoreConformance, AWrappedKeyIsLoadedAsItWasWrappedByEveryProcess) {
  using namespace std::string_literals;
  const KeyStore::WrappedKey first{key_record('a').kid, "line1", "\0\x01\xFF\\x"s};
  const KeyStore::WrappedKey second{key_record('b').kid, "line1", std::string(4000, '\x80')};
  EXPECT_TRUE(store->load_wrapped_keys()->empty());
  update({.put = {key_record('b'), key_record('a')}, .wrap = {second, first}});
  EXPECT_EQ(*database->open()->load_wrapped_keys(), (std::vector{first, second}));

  const KeyStore::WrappedKey again{first.kid, "line2", "other"};
  update({.wrap = {again}});
  EXPECT_EQ(*database->open()->load_wrapped_keys(), (std::vector{again, second}));
}

TEST_P(KeyStoreConformance, ADestroyedWrappedKeyIsGoneAndItsRecordStays) {
  const KeyStore::WrappedKey wrapped{key_record('a').kid, "line1", "octets"};
  update({.put = {key_record('a')}, .wrap = {wrapped}});
  update({.destroy = {wrapped.kid, key_record('z').kid}});
  EXPECT_TRUE(store->load_wrapped_keys()->empty());
  EXPECT_EQ(store->load_keys()->size(), 1U);
}

TEST_P(KeyStoreConformance, AWrappedKeyIsStoredWithItsRecordOrNotAtAll) {
  const KeyStore::WrappedKey alone{key_record('a').kid, "line1", "octets"};
  EXPECT_EQ(try_update({.wrap = {alone}}).error().code, StoreErrorCode::limit);

  KeyRecord malformed = key_record('b');
  malformed.kid = "short";
  EXPECT_EQ(try_update({.put = {key_record('a'), malformed}, .wrap = {alone}}).error().code,
            StoreErrorCode::limit);
  EXPECT_TRUE(store->load_wrapped_keys()->empty());
  EXPECT_TRUE(store->load_keys()->empty());
}

/// One retires, one begins to sign, one comes to wait: in whatever order they are put.
TEST_P(KeyStoreConformance, AHandOverIsWrittenInAnyOrder) {
  const auto with = [](char letter, std::optional<sys_seconds> signing_since,
                       std::optional<sys_seconds> retires_at) {
    KeyRecord key = key_record(letter);
    key.origin = KeyOrigin::standby;
    key.signing_since = signing_since;
    key.retires_at = retires_at;
    key.removed_at = retires_at;
    return key;
  };
  char letter = 'a';
  update({.put = {with('a', test_time, {}), with('b', {}, {})}});
  std::vector<std::size_t> order{0, 1, 2};
  do {
    const std::vector keys{with(letter, test_time, test_time),
                           with(static_cast<char>(letter + 1), test_time, {}),
                           with(static_cast<char>(letter + 2), {}, {})};
    KeyStore::Update next;
    for (const auto index : order) next.put.push_back(keys[index]);
    update(next);
    ++letter;
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(store->load_keys()->size(), 8U);
}

}  // namespace
}  // namespace grantd::storage::conformance
