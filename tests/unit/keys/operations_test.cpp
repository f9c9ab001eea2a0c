#include "server/keys/operations.h"

#include <sys/file.h>

#include <thread>

#include "server/base/descriptor.h"
#include "server/keys/key_directory.h"
#include "tests/unit/keys/fixture.h"

namespace grantd::keys {
namespace {

using testing::test_key;
using ErrorKind = OperationError::Kind;

std::string pem(std::size_t index) { return std::string(test_key(index)->to_pem().view()); }

/// Commands, with the server they act on.
class KeyCommands : public KeysTest {
 protected:
  KeyCommands() : ring(started()), by(access()) { events.clear(); }
  std::unique_ptr<KeyRing> ring;
  KeyAccess by;
};

class KeyGenerate : public KeyCommands {};
class KeyImport : public KeyCommands {};
class KeyRetire : public KeyCommands {};
class KeyRetireNow : public KeyCommands {};

TEST_F(KeyGenerate, PublishesAKeyThatSignsOnceVerifiersCanKnowIt) {
  const auto key = generate_key(by, clock.now());
  ASSERT_TRUE(key) << key.error().detail;
  EXPECT_EQ(key->signs_from, clock.now() + minutes{15});
  EXPECT_EQ(key->origin, storage::KeyOrigin::operator_brought);
  EXPECT_EQ(testing::mode_of(file_of(key->kid)), 0600U);
  ring->refresh();
  EXPECT_TRUE(publishes(*ring, key->kid));
  EXPECT_TRUE(heard(Kind::published, key->kid));
  EXPECT_NE(signing(*ring), key->kid);
  clock.advance(minutes{15});
  ring->tick();
  EXPECT_EQ(signing(*ring), key->kid);
}

TEST_F(KeyGenerate, WritesItsRowForTheServerAndTheOperatorsLog) {
  const auto before = storage->newest_change().value();
  const auto key = generate_key(by, clock.now());
  ASSERT_TRUE(key);
  const auto page = storage->changes_after(before, 10);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->changes.size(), 1U);
  EXPECT_EQ(page->changes[0].kind, storage::ChangeKind::key_published);
  EXPECT_EQ(page->changes[0].id, key->kid);
  EXPECT_EQ(page->changes[0].actor, "operator:ada");
}

TEST_F(KeysTest, GenerateBeforeTheFirstStartMakesTheKeyThatSignsFirst) {
  auto by = access();
  const auto key = generate_key(by, clock.now());
  ASSERT_TRUE(key) << key.error().detail;
  EXPECT_EQ(signing(*started()), key->kid);
  EXPECT_EQ(count(Kind::warning), 0U);
}

TEST_F(KeyGenerate, WithoutItsDirectoryFailsAndStoresNothing) {
  fs::rename(directory, temporary / "away");
  const auto key = generate_key(by, clock.now());
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(records().size(), 2U);
}

TEST_F(KeyImport, PublishesTheKeyOfThePem) {
  const auto key = import_key(by, pem(0), clock.now());
  ASSERT_TRUE(key) << key.error().detail;
  EXPECT_EQ(key->kid, test_key(0)->kid());
  ring->refresh();
  EXPECT_TRUE(publishes(*ring, key->kid));
}

TEST_F(KeyImport, RefusesWhatIsNoKey) {
  const auto key = import_key(by, "no key", clock.now());
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().kind, ErrorKind::bad_input);
}

TEST_F(KeyImport, RefusesAKeyThatIsKnownOrWasRetired) {
  ASSERT_TRUE(import_key(by, pem(0), clock.now()));
  auto again = import_key(by, pem(0), clock.now());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::not_in_this_state);
  ASSERT_TRUE(retire_key(by, test_key(0)->kid(), clock.now()));
  again = import_key(by, pem(0), clock.now());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::not_in_this_state);
  EXPECT_FALSE(fs::exists(file_of(test_key(0)->kid())));
  EXPECT_FALSE(fs::exists(directory / (test_key(0)->kid() + ".pem.new")));
}

TEST_F(KeyRetire, OfTheSigningKeyHandsOverToTheStandby) {
  const std::string first = signing(*ring);
  const std::string standby = only(KeyState::pending);
  clock.advance(minutes{15});
  const auto key = retire_key(by, first, clock.now());
  ASSERT_TRUE(key) << key.error().detail;
  EXPECT_EQ(key->removed_at, clock.now() + hours{1} + seconds{30});
  ring->refresh();
  EXPECT_EQ(signing(*ring), standby);
  EXPECT_TRUE(publishes(*ring, first));
  EXPECT_TRUE(heard(Kind::retired, first));
  EXPECT_FALSE(only(KeyState::pending).empty());  // the next standby
}

TEST_F(KeyRetire, PrefersTheKeyThatAnOperatorBrought) {
  const auto brought = import_key(by, pem(0), clock.now());
  ASSERT_TRUE(brought);
  clock.advance(minutes{15});
  ASSERT_TRUE(retire_key(by, signing(*ring), clock.now()));
  ring->refresh();
  EXPECT_EQ(signing(*ring), brought->kid);
}

TEST_F(KeyRetire, WithNoKeyThatMaySignYetSaysWhatToDo) {
  const auto before = records();
  const auto key = retire_key(by, signing(*ring), clock.now());
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().kind, ErrorKind::not_in_this_state);
  EXPECT_TRUE(key.error().detail.contains("grantd key generate"));
  EXPECT_EQ(records(), before);
}

TEST_F(KeyRetire, DoesNotHandOverToAKeyWhoseFileIsLost) {
  fs::remove(file_of(only(KeyState::pending)));
  clock.advance(minutes{15});
  EXPECT_FALSE(retire_key(by, signing(*ring), clock.now()));
}

TEST_F(KeyRetire, OfAKeyThatNeverSignedRemovesItAtOnce) {
  const std::string standby = only(KeyState::pending);
  ASSERT_TRUE(retire_key(by, standby, clock.now()));
  EXPECT_EQ(state_of(standby), KeyState::removed);
  EXPECT_TRUE(fs::exists(retired_file_of(standby)));
  EXPECT_FALSE(fs::exists(file_of(standby)));
  ring->refresh();
  EXPECT_FALSE(publishes(*ring, standby));
  EXPECT_TRUE(heard(Kind::removed, standby));
}

TEST_F(KeyRetire, OfARetiredRemovedOrUnknownKeyFails) {
  const std::string first = signing(*ring);
  clock.advance(minutes{15});
  ASSERT_TRUE(retire_key(by, first, clock.now()));
  EXPECT_EQ(retire_key(by, first, clock.now()).error().kind, ErrorKind::not_in_this_state);
  clock.advance(hours{2});
  EXPECT_EQ(retire_key(by, first, clock.now()).error().kind, ErrorKind::not_in_this_state);
  EXPECT_EQ(retire_key(by, std::string(43, 'x'), clock.now()).error().kind, ErrorKind::not_found);
}

TEST_F(KeyRetire, OfThePinnedKeyIsRefused) {
  clock.advance(minutes{15});
  auto pinned = access(pinned_to(signing(*ring)));
  const auto key = retire_key(pinned, signing(*ring), clock.now());
  ASSERT_FALSE(key);
  EXPECT_TRUE(key.error().detail.contains("keys.signing_key"));
}

TEST_F(KeyRetireNow, TakesALeakedKeyOutAtOnceAndTheStandbySigns) {
  const std::string leaked = signing(*ring);
  const std::string standby = only(KeyState::pending);
  clock.advance(minutes{15});
  const auto result = retire_key_now(by, leaked, clock.now());
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_TRUE(result->retired.compromised);
  EXPECT_EQ(result->signing, standby);
  EXPECT_EQ(result->warning, "");
  EXPECT_TRUE(fs::exists(retired_file_of(leaked)));
  ring->refresh();
  EXPECT_EQ(signing(*ring), standby);
  EXPECT_FALSE(publishes(*ring, leaked));
  EXPECT_TRUE(heard(Kind::removed, leaked));
}

TEST_F(KeyRetireNow, LetsTheNextKeySignEarlyWithAWarning) {
  const std::string standby = only(KeyState::pending);
  const auto result = retire_key_now(by, signing(*ring), clock.now());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->signing, standby);
  EXPECT_TRUE(result->warning.contains("verifiers"));
}

TEST_F(KeyRetireNow, WithNoOtherKeyMakesOneThatSignsAtOnce) {
  ASSERT_TRUE(retire_key(by, only(KeyState::pending), clock.now()));
  const std::string leaked = signing(*ring);
  clock.advance(milliseconds{1500});
  const auto result = retire_key_now(by, leaked, clock.now());
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_NE(result->signing, leaked);
  EXPECT_FALSE(result->signing.empty());
  EXPECT_TRUE(result->warning.contains("verifiers"));
  EXPECT_TRUE(fs::exists(file_of(result->signing)));
  ring->refresh();
  EXPECT_EQ(signing(*ring), result->signing);
  EXPECT_FALSE(publishes(*ring, leaked));
}

TEST_F(KeyRetireNow, OfAnotherKeyLeavesTheSigningKeyInPlace) {
  const std::string before = signing(*ring);
  const auto result = retire_key_now(by, only(KeyState::pending), clock.now());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->signing, before);
  EXPECT_EQ(result->warning, "");
}

TEST_F(KeyRetireNow, FindsTheFileUnderAnyName) {
  place(0, "by-hand.pem");
  ASSERT_TRUE(ring->reload(month()));
  ASSERT_TRUE(retire_key_now(by, test_key(0)->kid(), clock.now()));
  EXPECT_FALSE(fs::exists(directory / "by-hand.pem"));
  EXPECT_TRUE(fs::exists(retired_file_of(test_key(0)->kid())));
}

TEST_F(KeyRetireNow, OfThePinnedKeyWarnsThatTheConfigurationNamesIt) {
  auto pinned = access(pinned_to(signing(*ring)));
  const auto result = retire_key_now(pinned, signing(*ring), clock.now());
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->warning.contains("keys.signing_key"));
}

TEST_F(KeyRetireNow, TwiceOrOfAnUnknownKeyFails) {
  const std::string leaked = signing(*ring);
  ASSERT_TRUE(retire_key_now(by, leaked, clock.now()));
  EXPECT_EQ(retire_key_now(by, leaked, clock.now()).error().kind, ErrorKind::not_in_this_state);
  EXPECT_EQ(retire_key_now(by, std::string(43, 'x'), clock.now()).error().kind,
            ErrorKind::not_found);
}

TEST_F(KeyCommands, OfSeveralAtOnceWithAServerAtWorkLeaveOneSigningKey) {
  clock.advance(days{30});  // a rotation is due as well
  const std::string first = signing(*ring);
  std::vector<std::jthread> commands;
  for (std::size_t i = 0; i < 3; ++i) {
    commands.emplace_back([&, i] {
      const auto own_storage = open_storage();
      DirectoryCustody own_custody(directory, *own_storage);
      KeyAccess own{own_custody, *own_storage, month(), "operator:" + std::to_string(i)};
      EXPECT_TRUE(import_key(own, pem(i), clock.now()));
      static_cast<void>(retire_key(own, first, clock.now()));
      static_cast<void>(retire_key_now(own, test_key(i)->kid(), clock.now()));
    });
  }
  for (int i = 0; i < 50; ++i) {
    ring->refresh();
    ASSERT_FALSE(signing(*ring).empty());
    std::this_thread::yield();
  }
  commands.clear();
  ring->refresh();
  ring->tick();
  EXPECT_EQ(signing(*ring), only(KeyState::signing));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(publishes(*ring, test_key(i)->kid()));
    EXPECT_FALSE(fs::exists(file_of(test_key(i)->kid())));
  }
}

TEST_F(KeyCommands, OneThatWasSuspendedInTheDirectoryDoesNotHoldUpTheServer) {
  const auto generated = generate_key(by, clock.now());
  ASSERT_TRUE(generated);
  const auto held = KeyDirectory(directory).lock(milliseconds{0});
  ASSERT_TRUE(held);
  ring->refresh();
  EXPECT_FALSE(signing(*ring).empty());
  EXPECT_TRUE(warned_of("locked by another grantd"));
}

}  // namespace
}  // namespace grantd::keys
