#include "server/keys/key_ring.h"
#include "tests/unit/keys/fixture.h"

namespace grantd::keys {
namespace {

using testing::test_key;

class PemPlacedByHand : public KeysTest {};

TEST_F(PemPlacedByHand, IsPublishedAtAReloadAndSignsInItsTime) {
  const auto ring = started();
  const std::string before = signing(*ring);
  const std::string kid = test_key(0)->kid();
  place(0, "mine.pem");
  ring->tick();
  EXPECT_FALSE(publishes(*ring, kid));
  ASSERT_TRUE(ring->reload(month()));
  EXPECT_TRUE(publishes(*ring, kid));
  EXPECT_TRUE(heard(Kind::published, kid));
  EXPECT_EQ(signing(*ring), before);
  clock.advance(minutes{15});
  ring->tick();
  EXPECT_EQ(signing(*ring), kid);
}

TEST_F(PemPlacedByHand, MayBeALink) {
  const auto ring = started();
  fs::create_directory(temporary / "mount");
  const auto target = temporary / "mount" / "data";
  fs::rename(place(0, "x.pem"), target);
  fs::create_symlink(target, directory / "linked.pem");
  ASSERT_TRUE(ring->reload(month()));
  EXPECT_TRUE(publishes(*ring, test_key(0)->kid()));
}

TEST_F(PemPlacedByHand, ReadableByOthersIsSkippedAndFixedByTheNextReload) {
  const auto ring = started();
  const auto file = place(0, "mine.pem", 0644);
  ASSERT_TRUE(ring->reload(month()));
  EXPECT_FALSE(publishes(*ring, test_key(0)->kid()));
  EXPECT_EQ(count(Kind::file_skipped), 1U);
  EXPECT_FALSE(signing(*ring).empty());
  fs::permissions(file, fs::perms::owner_read);
  ASSERT_TRUE(ring->reload(month()));
  EXPECT_TRUE(publishes(*ring, test_key(0)->kid()));
}

TEST_F(PemPlacedByHand, ReadableByItsGroupIsTakenWithAWarning) {
  const auto ring = started();
  place(0, "mine.pem", 0640);
  ASSERT_TRUE(ring->reload(month()));
  EXPECT_TRUE(publishes(*ring, test_key(0)->kid()));
  EXPECT_TRUE(warned_of("mine.pem"));
}

TEST_F(PemPlacedByHand, WhatIsNoKeyIsSkippedEachByItself) {
  const auto ring = started();
  const auto before = ring->key_set().get();
  testing::write_text(directory / "a.pem", "no key");
  testing::write_text(directory / "b.pem", "");
  testing::write_text(directory / "c.pem", std::string(jose::max_pem_bytes + 1, 'x'));
  fs::create_directory(directory / "d.pem");
  fs::create_symlink("nowhere", directory / "e.pem");
  testing::write_text(directory / "notes.txt", "not looked at");
  ASSERT_TRUE(ring->reload(month()));
  EXPECT_EQ(count(Kind::file_skipped), 5U);
  EXPECT_EQ(ring->key_set().get(), before);
}

TEST_F(PemPlacedByHand, OfARemovedKeyIsIgnoredAndPutAway) {
  const auto ring = started(never());
  const std::string kid = test_key(0)->kid();
  place(0, "mine.pem");
  ASSERT_TRUE(ring->reload(never()));
  auto by = access(never());
  ASSERT_TRUE(retire_key(by, kid, clock.now()));
  ring->refresh();
  EXPECT_FALSE(publishes(*ring, kid));
  place(0, "again.pem");
  ASSERT_TRUE(ring->reload(never()));
  EXPECT_FALSE(publishes(*ring, kid));
  EXPECT_TRUE(heard(Kind::warning, kid));
  EXPECT_FALSE(fs::exists(directory / "again.pem"));
}

TEST_F(PemPlacedByHand, TwoFilesOfOneKeyAreOneKey) {
  const auto ring = started();
  place(0, "a.pem");
  place(0, "b.pem");
  ASSERT_TRUE(ring->reload(month()));
  EXPECT_EQ(ring->key_set().get()->size(), 3U);
  EXPECT_EQ(records().size(), 3U);
}

class DeletedPem : public KeysTest {};

TEST_F(DeletedPem, OfTheSigningKeyHandsOverToTheStandby) {
  const auto ring = started();
  const std::string deleted = signing(*ring);
  const std::string standby = only(KeyState::pending);
  clock.advance(hours{1});
  fs::remove(file_of(deleted));
  ASSERT_TRUE(ring->reload(month()));
  EXPECT_EQ(signing(*ring), standby);
  EXPECT_EQ(state_of(deleted), KeyState::retired);
  EXPECT_TRUE(publishes(*ring, deleted));
}

TEST_F(DeletedPem, SignsOnFromMemoryUntilItsSuccessorMay) {
  const auto ring = started();
  const std::string deleted = signing(*ring);
  const std::string standby = only(KeyState::pending);
  fs::remove(file_of(deleted));
  ASSERT_TRUE(ring->reload(month()));
  EXPECT_EQ(signing(*ring), deleted);
  EXPECT_TRUE(warned_of("from memory"));
  clock.advance(minutes{15});
  ring->tick();
  EXPECT_EQ(signing(*ring), standby);
}

TEST_F(DeletedPem, WithNoFileLeftTheLastGoodSetSignsOn) {
  const auto ring = started();
  const std::string kid = signing(*ring);
  fs::rename(directory, temporary / "away");
  ASSERT_TRUE(ring->reload(month()));
  EXPECT_EQ(signing(*ring), kid);
  EXPECT_EQ(count(Kind::file_skipped), 1U);
  EXPECT_EQ(ring->key_set().get()->size(), 2U);
  events.clear();
  fs::rename(temporary / "away", directory);
  ASSERT_TRUE(ring->reload(month()));
  EXPECT_EQ(signing(*ring), kid);
  EXPECT_TRUE(events.empty());
  EXPECT_EQ(records().size(), 2U);
}

class PinnedSigningKey : public KeysTest {};

TEST_F(PinnedSigningKey, SignsAfterAReloadOnceItMay) {
  const auto ring = started();
  const std::string standby = only(KeyState::pending);
  const std::string before = signing(*ring);
  ASSERT_TRUE(ring->reload(pinned_to(standby)));
  EXPECT_EQ(signing(*ring), before);
  clock.advance(minutes{15});
  ring->tick();
  EXPECT_EQ(signing(*ring), standby);
  clock.advance(days{400});
  ring->tick();
  EXPECT_EQ(signing(*ring), standby);
}

TEST_F(PinnedSigningKey, MayBePlacedWithTheSameReload) {
  const auto ring = started();
  place(0, "mine.pem");
  ASSERT_TRUE(ring->reload(pinned_to(test_key(0)->kid())));
  clock.advance(minutes{15});
  ring->tick();
  EXPECT_EQ(signing(*ring), test_key(0)->kid());
}

TEST_F(PinnedSigningKey, ARetiredOneComesBackWhileItIsPublished) {
  const auto ring = started();
  const std::string first = signing(*ring);
  clock.advance(days{30});
  ring->tick();
  ASSERT_NE(signing(*ring), first);
  clock.advance(minutes{30});
  ASSERT_TRUE(ring->reload(pinned_to(first)));
  EXPECT_EQ(signing(*ring), first);
  clock.advance(hours{2});
  ring->tick();
  EXPECT_TRUE(publishes(*ring, first));
  EXPECT_EQ(signing(*ring), first);
}

TEST_F(PinnedSigningKey, ARetiredOneThatSoonLeavesTheJwksIsRefused) {
  const auto ring = started();
  const std::string first = signing(*ring);
  clock.advance(days{30});
  ring->tick();
  clock.advance(minutes{46});
  ring->tick();
  ASSERT_TRUE(publishes(*ring, first));
  const auto result = ring->reload(pinned_to(first));
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().contains(first + ", which is retired")) << result.error();
  EXPECT_NE(signing(*ring), first);
}

TEST_F(PinnedSigningKey, UnknownOrRemovedOrLeakedIsRefusedAndAllStaysAsItWas) {
  const auto ring = started();
  const std::string first = signing(*ring);
  clock.advance(days{30});
  ring->tick();
  clock.advance(hours{2});
  ring->tick();
  const std::string second = signing(*ring);
  clock.advance(minutes{15});
  auto by = access();
  ASSERT_TRUE(retire_key_now(by, second, clock.now()));
  ring->refresh();
  const auto before = ring->key_set().get();
  for (const auto& kid : {std::string(43, 'x'), first, second}) {
    const auto result = ring->reload(pinned_to(kid));
    ASSERT_FALSE(result) << kid;
    EXPECT_TRUE(result.error().contains(kid));
    EXPECT_FALSE(make_ring()->start(pinned_to(kid)));
  }
  EXPECT_EQ(ring->key_set().get(), before);
  clock.advance(days{30});
  ring->tick();
  EXPECT_NE(ring->key_set().get(), before);  // the old settings still rotate
}

class ChangedSettings : public KeysTest {};

TEST_F(ChangedSettings, ALongerLifetimeKeepsTheSigningKeyPublishedLonger) {
  const auto ring = started();
  const std::string first = signing(*ring);
  auto longer = month();
  longer.max_lifetime = hours{10};
  ASSERT_TRUE(ring->reload(longer));
  ASSERT_TRUE(ring->reload(month()));
  clock.advance(days{30});
  ring->tick();
  clock.advance(hours{10});
  ring->tick();
  EXPECT_TRUE(publishes(*ring, first));
  clock.advance(seconds{30});
  ring->tick();
  EXPECT_FALSE(publishes(*ring, first));
}

/// The database reads, and takes nothing.
class ReadOnlyStore final : public storage::KeyStore {
 public:
  explicit ReadOnlyStore(storage::KeyStore& store) : store_(store) {}
  bool takes_nothing{false};

  storage::StoreResult<std::vector<storage::KeyRecord>> load_keys() override {
    return store_.load_keys();
  }
  storage::StoreResult<std::vector<WrappedKey>> load_wrapped_keys() override {
    return store_.load_wrapped_keys();
  }
  storage::StoreResult<std::vector<storage::KeyRecord>> update_keys(
      const std::function<
          std::expected<Update, std::string>(const std::vector<storage::KeyRecord>&)>& decide,
      sys_seconds now, std::string_view actor) override {
    if (!takes_nothing) return store_.update_keys(decide, now, actor);
    return std::unexpected(
        storage::StoreError{storage::StoreErrorCode::unavailable, "the database is read-only"});
  }

 private:
  storage::KeyStore& store_;
};

TEST_F(ChangedSettings, ALongerLifetimeThatCannotBeRecordedIsRefused) {
  ReadOnlyStore store(*storage);
  KeyRing ring(custody, store, clock, [](const KeyEvent&) {});
  ASSERT_TRUE(ring.start(month()));
  const std::string first = signing(ring);
  store.takes_nothing = true;
  auto longer = month();
  longer.max_lifetime = hours{10};
  const auto result = ring.reload(longer);
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().contains("read-only")) << result.error();
  EXPECT_TRUE(ring.reload(month()));  // asks for nothing to be written
  EXPECT_EQ(record(first).max_lifetime, hours{1});

  store.takes_nothing = false;
  ASSERT_TRUE(ring.reload(longer));
  EXPECT_EQ(record(first).max_lifetime, hours{10});
}

TEST_F(ChangedSettings, FromNeverToAnIntervalPublishesAStandby) {
  const auto ring = started(never());
  const std::string first = signing(*ring);
  clock.advance(days{100});
  ASSERT_TRUE(ring->reload(month()));
  EXPECT_FALSE(only(KeyState::pending).empty());
  EXPECT_EQ(signing(*ring), first);
  clock.advance(minutes{15});
  ring->tick();
  EXPECT_NE(signing(*ring), first);
}

TEST_F(ChangedSettings, AReloadWithoutStorageIsRefused) {
  const auto ring = started();
  const auto before = ring->key_set().get();
  fs::rename(temporary / "grantd.db", temporary / "away");
  EXPECT_FALSE(ring->reload(month()));
  EXPECT_EQ(ring->key_set().get(), before);
}

}  // namespace
}  // namespace grantd::keys
