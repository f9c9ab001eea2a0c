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

  void put(const KeyRecord& key) {
    const auto put = store->update_keys(
        [&](const std::vector<KeyRecord>&) -> Decision {
          return KeyStore::Update{{key}, {{ChangeKind::key_published, key.kid}}};
        },
        test_time, test_actor);
    ASSERT_TRUE(put) << put.error().detail;
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

}  // namespace
}  // namespace grantd::storage::conformance
