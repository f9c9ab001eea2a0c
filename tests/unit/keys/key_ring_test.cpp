#include "server/keys/key_ring.h"

#include "tests/unit/keys/fixture.h"

namespace grantd::keys {
namespace {

using testing::test_key;

class FirstStart : public KeysTest {};

TEST_F(FirstStart, MakesAKeyThatSignsAtOnceAndAStandby) {
  const auto ring = started();
  EXPECT_EQ(records().size(), 2U);
  EXPECT_EQ(signing(*ring), only(KeyState::signing));
  EXPECT_EQ(record(signing(*ring)).signs_from, record(signing(*ring)).published_at);
  const std::string standby = only(KeyState::pending);
  EXPECT_EQ(record(standby).signs_from, clock.now() + minutes{15});
  EXPECT_EQ(ring->key_set().get()->size(), 2U);
  EXPECT_EQ(testing::mode_of(file_of(standby)), 0600U);
  EXPECT_EQ(testing::mode_of(directory), 0700U);
  EXPECT_EQ(count(Kind::published), 2U);
  EXPECT_EQ(count(Kind::signs), 1U);
  EXPECT_EQ(count(Kind::warning), 0U);
}

TEST_F(FirstStart, MakesNoStandbyWhereNothingRotates) {
  const auto ring = started(never());
  EXPECT_EQ(records().size(), 1U);
  EXPECT_FALSE(signing(*ring).empty());
}

TEST_F(FirstStart, InTheMiddleOfASecondSignsAtOnceTooWithoutWarning) {
  clock.advance(milliseconds{300});
  const auto ring = started();
  EXPECT_FALSE(signing(*ring).empty());
  EXPECT_EQ(count(Kind::warning), 0U);
}

TEST_F(FirstStart, WithAPemPlacedByHandMakesNoKeyOfItsOwn) {
  place(0, "mine.pem");
  const auto ring = started(never());
  EXPECT_EQ(signing(*ring), test_key(0)->kid());
  EXPECT_EQ(records().size(), 1U);
  EXPECT_EQ(records()[0].origin, storage::KeyOrigin::operator_brought);
  EXPECT_EQ(count(Kind::warning), 0U);
}

TEST_F(FirstStart, RefusesAPinnedKeyThatNobodyKnows) {
  const auto result = make_ring()->start(pinned_to(std::string(43, 'x')));
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().contains("keys.signing_key names"));
  EXPECT_TRUE(records().empty());
}

class Restart : public KeysTest {};

TEST_F(Restart, GoesOnWithTheSameKeys) {
  const std::string before = signing(*started());
  const auto stored = records();
  clock.advance(days{3});
  const auto ring = started();
  EXPECT_EQ(signing(*ring), before);
  EXPECT_EQ(records(), stored);
}

TEST_F(Restart, AfterALongRestRotatesOnce) {
  const std::string before = signing(*started());
  const std::string standby = only(KeyState::pending);
  clock.advance(days{365});
  const auto ring = started();
  EXPECT_EQ(signing(*ring), standby);
  EXPECT_EQ(state_of(before), KeyState::retired);
  EXPECT_TRUE(publishes(*ring, before));
}

TEST_F(Restart, WithoutAnyFileOfAKnownKeyFailsAndMakesNone) {
  static_cast<void>(started());
  fs::remove_all(directory);
  const auto stored = records();
  auto result = make_ring()->start(month());
  EXPECT_FALSE(result);
  EXPECT_FALSE(fs::exists(directory));  // a missing mount is not papered over
  fs::create_directory(directory);
  result = make_ring()->start(month());
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().contains("a new key is never made in silence"));
  EXPECT_EQ(records(), stored);
  EXPECT_TRUE(fs::is_empty(directory));
}

TEST_F(Restart, WithTheSigningKeysFileLostAnotherSignsEvenEarly) {
  const std::string lost = signing(*started());
  const std::string standby = only(KeyState::pending);
  fs::remove(file_of(lost));
  const auto ring = started();
  EXPECT_EQ(signing(*ring), standby);
  EXPECT_TRUE(publishes(*ring, lost));
  EXPECT_TRUE(warned_of("signs before its time"));
  clock.advance(hours{1} + seconds{30});
  ring->tick();
  EXPECT_FALSE(publishes(*ring, lost));
}

TEST_F(Restart, WithAKeyThatAnOperatorGeneratedMeanwhileCanStartAgain) {
  static_cast<void>(started());
  for (const auto& key : records()) fs::remove(file_of(key.kid));
  ASSERT_FALSE(make_ring()->start(month()));
  auto by = access();
  const auto generated = generate_key(by, clock.now());
  ASSERT_TRUE(generated) << generated.error().detail;
  EXPECT_EQ(signing(*started()), generated->kid);
}

TEST_F(Restart, WhileStorageIsAwayFailsWithItsWords) {
  fs::rename(temporary / "grantd.db", temporary / "away");
  const auto result = make_ring()->start(month());
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().starts_with("storage: "));
}

class CrashRecovery : public KeysTest {};

TEST_F(CrashRecovery, ANewKeyThatStorageKnowsIsPutInPlace) {
  const std::string kid = signing(*started());
  fs::rename(file_of(kid), directory / (kid + ".pem.new"));
  const auto ring = started();
  EXPECT_EQ(signing(*ring), kid);
  EXPECT_TRUE(fs::exists(file_of(kid)));
  EXPECT_FALSE(fs::exists(directory / (kid + ".pem.new")));
}

TEST_F(CrashRecovery, ANewKeyThatStorageDoesNotKnowIsDeleted) {
  static_cast<void>(started());
  const auto file = place(0, test_key(0)->kid() + ".pem.new");
  const auto ring = started();
  EXPECT_FALSE(fs::exists(file));
  EXPECT_FALSE(publishes(*ring, test_key(0)->kid()));
}

TEST_F(CrashRecovery, ALeakedKeyNeverSignsAgainThoughItsFileWasNotMoved) {
  const std::string leaked = signing(*started());
  auto by = access();
  ASSERT_TRUE(retire_key_now(by, leaked, clock.now()));
  fs::rename(retired_file_of(leaked), file_of(leaked));
  const auto ring = started();
  EXPECT_NE(signing(*ring), leaked);
  EXPECT_FALSE(publishes(*ring, leaked));
  EXPECT_TRUE(heard(Kind::warning, leaked));
  EXPECT_TRUE(fs::exists(retired_file_of(leaked)));
}

class Schedule : public KeysTest {};

TEST_F(Schedule, RotatesForMonthsAndEveryTokenVerifies) {
  const auto ring = started();
  std::string previous = signing(*ring);
  int rotations = 0;
  for (int i = 0; i < 4 * 200; ++i) {
    const auto key = ring->key_set().get()->signing();
    ASSERT_NE(key, nullptr);
    const std::string signature = key->sign_rs256("token");
    clock.advance(minutes{59});
    ring->tick();
    const auto verifier = ring->key_set().get()->find(key->kid());
    ASSERT_NE(verifier, nullptr);
    ASSERT_TRUE(verifier->verify_rs256("token", signature));
    ASSERT_LE(ring->key_set().get()->size(), 3U);
    clock.advance(hours{5});
    ring->tick();
    if (signing(*ring) != previous) ++rotations;
    previous = signing(*ring);
  }
  EXPECT_EQ(rotations, 6);
}

TEST_F(Schedule, AtARotationTheNextStandbyIsPublishedAndTheOldKeyGoesInItsTime) {
  const auto ring = started();
  const std::string first = signing(*ring);
  const std::string second = only(KeyState::pending);
  clock.advance(days{30});
  events.clear();
  ring->tick();
  EXPECT_EQ(signing(*ring), second);
  EXPECT_TRUE(heard(Kind::signs, second));
  EXPECT_TRUE(heard(Kind::retired, first));
  const std::string third = only(KeyState::pending);
  EXPECT_TRUE(heard(Kind::published, third));
  EXPECT_TRUE(publishes(*ring, third));

  clock.advance(hours{1} + seconds{29});
  ring->tick();
  EXPECT_TRUE(publishes(*ring, first));
  EXPECT_TRUE(fs::exists(file_of(first)));
  clock.advance(seconds{1});
  ring->tick();
  EXPECT_FALSE(publishes(*ring, first));
  EXPECT_FALSE(fs::exists(file_of(first)));
  EXPECT_TRUE(fs::exists(retired_file_of(first)));
  EXPECT_EQ(testing::mode_of(directory / "retired"), 0700U);
  ring->tick();
  EXPECT_EQ(count(Kind::removed), 1U);
}

TEST_F(Schedule, ATickWithNothingDueChangesNothing) {
  const auto ring = started();
  events.clear();
  const auto before = ring->key_set().get();
  const auto changes = storage->newest_change().value();
  for (int i = 0; i < 100; ++i) {
    clock.advance(milliseconds{250});
    ring->tick();
  }
  EXPECT_EQ(ring->key_set().get(), before);
  EXPECT_EQ(storage->newest_change().value(), changes);
  EXPECT_TRUE(events.empty());
}

TEST_F(Schedule, TheJwksAndItsTagChangeTogether) {
  const auto ring = started();
  const auto before = ring->key_set().get();
  EXPECT_TRUE(before->jwks()->starts_with(R"({"keys":[{"kty":"RSA")"));
  clock.advance(days{30});
  ring->tick();
  const auto after = ring->key_set().get();
  EXPECT_NE(*after->jwks(), *before->jwks());
  EXPECT_NE(after->jwks_etag(), before->jwks_etag());
  EXPECT_TRUE(after->jwks_etag().starts_with('"') && after->jwks_etag().ends_with('"'));
}

TEST_F(Schedule, AClockThatWentBackKeepsTheKeySigningWithOneWarning) {
  clock.advance(days{365});
  const auto ring = started();
  const std::string kid = signing(*ring);
  clock.step(-days{365});
  events.clear();
  for (int i = 0; i < 5; ++i) ring->tick();
  EXPECT_EQ(signing(*ring), kid);
  EXPECT_EQ(count(Kind::warning), 2U);  // the signing key, and the standby
  clock.advance(days{30});
  ring->tick();
  EXPECT_NE(signing(*ring), kid);
}

TEST_F(Schedule, WhileStorageIsAwayTheKeySignsOnAndRotatesOnceItIsBack) {
  const auto ring = started();
  const std::string kid = signing(*ring);
  events.clear();
  clock.advance(days{30});
  fs::rename(temporary / "grantd.db", temporary / "away");
  for (int i = 0; i < 3; ++i) ring->tick();
  EXPECT_EQ(signing(*ring), kid);
  EXPECT_EQ(count(Kind::warning), 1U);
  fs::rename(temporary / "away", temporary / "grantd.db");
  ring->tick();
  EXPECT_NE(signing(*ring), kid);
}

TEST_F(Schedule, AStandbyThatCannotBeWrittenIsTriedAgainWithOneWarning) {
  const auto ring = started();
  clock.advance(days{30});
  fs::rename(directory, temporary / "away");
  events.clear();
  for (int i = 0; i < 10; ++i) {
    ring->tick();
    clock.advance(minutes{2});
  }
  EXPECT_TRUE(only(KeyState::pending).empty());
  EXPECT_TRUE(warned_of("no standby key could be published"));
  EXPECT_EQ(count(Kind::warning), 1U);
  fs::rename(temporary / "away", directory);
  ring->tick();
  EXPECT_FALSE(only(KeyState::pending).empty());
}

}  // namespace
}  // namespace grantd::keys
