#include "server/keys/database_custody.h"

#include <array>
#include <functional>
#include <thread>

#include "tests/unit/keys/nodes.h"

namespace grantd::keys {
namespace {

using testing::test_key;

class KeysInTheDatabase : public NodesTest {
 protected:
  KeyAccess by(Node& node) {
    return {*node.custody, *node.storage, of_many_nodes(), "operator:ada"};
  }
  static std::string pem(std::size_t index) {
    return std::string(test_key(index)->to_pem().view());
  }
  void destroy(const std::string& kid) {
    const auto done = storage->update_keys(
        [&](const Records&) -> std::expected<storage::KeyStore::Update, std::string> {
          return storage::KeyStore::Update{{}, {}, {}, {kid}};
        },
        ManualClock::start, "test");
    ASSERT_TRUE(done) << done.error().detail;
  }
  using ManualClock = testing::ManualClock;
};

TEST_F(KeysInTheDatabase, AreWrittenWithTheirRecordsAndReadByTheNextStart) {
  const auto first = started();
  EXPECT_EQ(wrapped().size(), 2U);
  EXPECT_EQ(first->count(Kind::warning), 0U);
  const auto again = started();
  EXPECT_EQ(again->signing(), first->signing());
  EXPECT_EQ(records().size(), 2U);
}

TEST_F(KeysInTheDatabase, OfThreeNodesThatStartAtOnceOneMakesTheFirst) {
  std::array<std::unique_ptr<Node>, 3> nodes{node(), node(), node()};
  {
    const auto start = [](Node& each) {
      const auto result = each.ring->start(of_many_nodes());
      EXPECT_TRUE(result) << result.error();
    };
    const std::jthread second(start, std::ref(*nodes[1]));
    const std::jthread third(start, std::ref(*nodes[2]));
    start(*nodes[0]);
  }
  tick({nodes[0].get(), nodes[1].get(), nodes[2].get()});
  EXPECT_EQ(records().size(), 2U);
  for (const auto& each : nodes) {
    EXPECT_EQ(each->signing(), only(KeyState::signing));
    EXPECT_TRUE(each->publishes(only(KeyState::pending)));
    EXPECT_EQ(each->count(Kind::warning), 0U);
    EXPECT_EQ(each->count(Kind::file_skipped), 0U);
  }
}

TEST_F(KeysInTheDatabase, RotateOnceHoweverManyNodesFindItDueAndNobodyIsWarned) {
  const auto a = started();
  const auto b = started();
  for (int month = 0; month < 3; ++month) {
    const std::string before = a->signing();
    clock.advance(days{30});
    std::jthread other([&b] { b->ring->tick(); });
    a->ring->tick();
    other.join();
    tick({a.get(), b.get()});
    EXPECT_NE(a->signing(), before);
    EXPECT_EQ(a->signing(), b->signing());
    EXPECT_EQ(only(KeyState::signing), a->signing());
    EXPECT_FALSE(only(KeyState::pending).empty());
  }
  EXPECT_EQ(a->count(Kind::warning) + b->count(Kind::warning), 0U);
}

TEST_F(KeysInTheDatabase, ARetiredOneStaysPublishedForNodesThatHeardNothing) {
  const auto a = started();
  const std::string first = a->signing();
  clock.advance(days{30});
  a->ring->tick();
  clock.advance(hours{1} + seconds{30} + seconds{40});
  a->ring->tick();
  EXPECT_TRUE(a->publishes(first));
  EXPECT_TRUE(is_wrapped(first));
  clock.advance(seconds{1});
  a->ring->tick();
  EXPECT_FALSE(a->publishes(first));
  EXPECT_FALSE(is_wrapped(first));
}

TEST_F(KeysInTheDatabase, WhatDiedBeforeItDeletedARemovedOneIsMadeUpForByTheNextStart) {
  auto a = started();
  const std::string first = a->signing();
  clock.advance(days{30});
  a->ring->tick();
  a.reset();
  clock.advance(days{1});
  EXPECT_TRUE(is_wrapped(first));
  a = started();
  EXPECT_FALSE(is_wrapped(first));
  EXPECT_EQ(a->count(Kind::warning), 0U);
}

TEST_F(KeysInTheDatabase, OneThatANodeSawOnlyNowDoesNotTakeOverThereThoughItsTimeHasCome) {
  const auto a = started();
  auto operators = by(*a);
  // As of a transaction that hung until the key should sign.
  const auto brought = import_key(operators, pem(0), clock.now() - minutes{15});
  ASSERT_TRUE(brought) << brought.error().detail;
  tick({a.get()});
  EXPECT_TRUE(a->publishes(brought->kid));
  EXPECT_NE(a->signing(), brought->kid);
  clock.advance(minutes{15} - seconds{1});
  tick({a.get()});
  EXPECT_NE(a->signing(), brought->kid);
  clock.advance(seconds{1});
  tick({a.get()});
  EXPECT_EQ(a->signing(), brought->kid);
  EXPECT_EQ(a->count(Kind::warning), 0U);
}

TEST_F(KeysInTheDatabase, OneThatWaitsTakesOverNowhereBeforeANodeHasPublishedItSinceItsStart) {
  auto a = started();
  auto operators = by(*a);
  // Its transaction hung for a day, which a node that starts now cannot know.
  const auto brought = import_key(operators, pem(0), clock.now() - days{1});
  ASSERT_TRUE(brought) << brought.error().detail;
  a = started();
  EXPECT_TRUE(a->publishes(brought->kid));
  EXPECT_NE(a->signing(), brought->kid);
  clock.advance(minutes{15} - seconds{1});
  tick({a.get()});
  EXPECT_NE(a->signing(), brought->kid);
  clock.advance(seconds{1});
  tick({a.get()});
  EXPECT_EQ(a->signing(), brought->kid);
  a = started();
  EXPECT_EQ(a->signing(), brought->kid);
  EXPECT_EQ(a->count(Kind::warning), 0U);
}

TEST_F(KeysInTheDatabase, AClockThatWasPutForwardLetsNoKeySignBeforeItsTime) {
  const auto a = started();
  const std::string first = a->signing();
  clock.advance(minutes{1});
  clock.step(days{30});
  tick({a.get()});
  EXPECT_EQ(a->signing(), first);
  clock.advance(minutes{14});
  tick({a.get()});
  EXPECT_NE(a->signing(), first);
}

TEST_F(KeysInTheDatabase, LostByTheDatabaseAreReplacedAndTheLostStandbyGoesAtOnce) {
  const auto a = started();
  const std::string standby = only(KeyState::pending);
  destroy(standby);
  const auto b = started();
  EXPECT_EQ(only(KeyState::removed), standby);
  EXPECT_NE(only(KeyState::pending), "");
  EXPECT_TRUE(b->heard(Kind::removed, standby) != nullptr);
}

TEST_F(KeysInTheDatabase, WithNoneThatCanBeUsedNoServerStartsAndNoneIsMadeInSilence) {
  static_cast<void>(started());
  for (const auto& row : wrapped()) destroy(row.kid);
  const auto result = node()->ring->start(of_many_nodes());
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().contains("never made in silence")) << result.error();
  EXPECT_EQ(records().size(), 2U);
}

TEST_F(KeysInTheDatabase, WhileTheyCannotBeReadNothingIsDecided) {
  const auto a = started();
  const auto before = records();
  std::filesystem::rename(database, temporary / "away");
  clock.advance(days{30});
  a->ring->note_change();
  EXPECT_TRUE(a->ring->is_behind());
  a->ring->tick();
  EXPECT_TRUE(a->ring->is_behind());
  EXPECT_FALSE(a->ring->reload(of_many_nodes()));
  std::filesystem::rename(temporary / "away", database);
  EXPECT_EQ(records(), before);
  a->ring->tick();
  EXPECT_FALSE(a->ring->is_behind());
  EXPECT_EQ(a->signing(), only(KeyState::signing));
}

class WrappingKeyRotation : public KeysInTheDatabase {
 protected:
  void write(const std::string& lines) { testing::write_text(wrapping, lines); }
};

TEST_F(WrappingKeyRotation, GoesByReloadAndRewrapAndNothingIsLost) {
  const auto a = started();
  const std::string kid = a->signing();
  const std::string old_id = wrapped()[0].wrapping_key_id;
  write(new_line + "\n" + old_line);
  ASSERT_TRUE(a->ring->reload(of_many_nodes()));
  EXPECT_EQ(a->signing(), kid);

  const auto command =
      DatabaseCustody::make(*storage, wrapping, a->random, Cover::not_required).value();
  auto result = command->rewrap(clock.now(), "operator:ada");
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_EQ(result->rewrapped, 2U);
  EXPECT_EQ(result->in_use, (std::map<std::string, std::size_t>{{result->current, 2}}));
  EXPECT_NE(result->current, old_id);
  result = command->rewrap(clock.now(), "operator:ada");
  EXPECT_EQ(result->rewrapped, 0U);

  write(new_line);
  const auto reloaded = a->ring->reload(of_many_nodes());
  EXPECT_TRUE(reloaded) << reloaded.error();
  EXPECT_EQ(started()->signing(), kid);
}

TEST_F(WrappingKeyRotation, AReloadThatIsRefusedForAnotherReasonLeavesTheOldLineInForce) {
  const auto a = started();
  const std::string old_id = wrapped()[0].wrapping_key_id;
  write(new_line + "\n" + old_line);
  auto wrong = of_many_nodes();
  wrong.pinned = std::string(43, 'x');
  ASSERT_FALSE(a->ring->reload(wrong));
  clock.advance(days{30});
  tick({a.get()});
  ASSERT_EQ(wrapped().size(), 3U);
  for (const auto& row : wrapped()) EXPECT_EQ(row.wrapping_key_id, old_id);

  ASSERT_TRUE(a->ring->reload(of_many_nodes()));
  clock.advance(days{30});
  tick({a.get()});
  EXPECT_TRUE(std::ranges::any_of(
      wrapped(), [&](const WrappedKey& row) { return row.wrapping_key_id != old_id; }));
}

TEST_F(WrappingKeyRotation, ALineInUseThatIsMissingIsRefusedByNameAtStartAndReload) {
  const auto a = started();
  const std::string id = wrapped()[0].wrapping_key_id;
  const std::string kid = a->signing();
  write(new_line);
  const auto reloaded = a->ring->reload(of_many_nodes());
  ASSERT_FALSE(reloaded);
  EXPECT_TRUE(reloaded.error().contains(id)) << reloaded.error();
  EXPECT_EQ(a->signing(), kid);
  const auto made = DatabaseCustody::make(*storage, wrapping, a->random, Cover::required);
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error().contains(id + " (2 keys)")) << made.error();
}

TEST_F(WrappingKeyRotation, ANodeThatLacksTheNewLineSaysSoAndSignsOnForAsLongAsOthersReckonWith) {
  const auto behind = started();
  const auto ahead = [&] {
    testing::write_text(temporary / "both", new_line + "\n" + old_line);
    auto made = node(temporary / "both");
    EXPECT_TRUE(made->ring->start(of_many_nodes()));
    return made;
  }();
  clock.advance(days{30});
  tick({ahead.get(), behind.get()});  // to the standby, which both can open; another is published
  const std::string second = ahead->signing();
  EXPECT_EQ(behind->signing(), second);
  const std::string closed = only(KeyState::pending);
  const auto* const event = behind->heard(Kind::file_skipped, closed);
  ASSERT_NE(event, nullptr);
  const auto rows = wrapped();
  const auto row = std::ranges::find(rows, closed, &WrappedKey::kid);
  EXPECT_TRUE(event->detail.contains(row->wrapping_key_id)) << event->detail;
  EXPECT_TRUE(behind->publishes(closed));
  EXPECT_EQ(records().size(), 3U);  // and makes no standby of its own

  clock.advance(days{30});
  tick({behind.get(), ahead.get()});
  EXPECT_EQ(ahead->signing(), closed);
  EXPECT_EQ(behind->signing(), second);
  clock.advance(seconds{40});
  tick({behind.get()});
  EXPECT_EQ(behind->signing(), second);
  clock.advance(seconds{1});
  tick({behind.get()});
  EXPECT_EQ(behind->signing(), "");
  EXPECT_EQ(only(KeyState::signing), closed);

  write(new_line + "\n" + old_line);
  ASSERT_TRUE(behind->ring->reload(of_many_nodes()));
  EXPECT_EQ(behind->signing(), closed);
}

TEST_F(WrappingKeyRotation, AKeyThatNoNodeCanOpenNeverTakesOverFromOneThatSigns) {
  const auto a = started();
  const auto b = started();
  const std::string first = a->signing();
  const std::string standby = only(KeyState::pending);
  testing::write_text(temporary / "ahead", new_line + "\n" + old_line);
  const auto custody =
      DatabaseCustody::make(*storage, temporary / "ahead", a->random, Cover::not_required).value();
  KeyAccess ahead{*custody, *storage, of_many_nodes(), "operator:ada"};
  const auto closed = generate_key(ahead, clock.now());
  ASSERT_TRUE(closed) << closed.error().detail;
  tick({a.get(), b.get()});
  for (const auto step : {minutes{15}, minutes{1}, minutes{60}}) {
    clock.advance(step);
    tick({a.get(), b.get()});
    EXPECT_EQ(a->signing(), first);
    EXPECT_EQ(b->signing(), first);
    EXPECT_TRUE(a->publishes(closed->kid));
  }
  clock.advance(days{30});
  tick({a.get(), b.get()});
  EXPECT_EQ(a->signing(), standby);
  EXPECT_EQ(b->signing(), standby);

  write(new_line + "\n" + old_line);
  ASSERT_TRUE(a->ring->reload(of_many_nodes()));
  EXPECT_EQ(a->signing(), closed->kid);
}

TEST_F(WrappingKeyRotation, AStandbyThatNoNodeCanOpenLeavesTheOldKeySigningThoughItsTimeIsOver) {
  const auto a = started();
  const std::string first = a->signing();
  const std::string standby = only(KeyState::pending);
  testing::write_text(temporary / "ahead", new_line + "\n" + old_line);
  const auto custody =
      DatabaseCustody::make(*storage, temporary / "ahead", a->random, Cover::not_required).value();
  ASSERT_TRUE(custody->rewrap(clock.now(), "operator:ada"));
  // What `a` read before it holds still: a node that starts now could open none.
  write(new_line + "\n" + old_line);
  const auto b = started();
  write(old_line);
  EXPECT_EQ(b->signing(), first);
  KeyAccess ahead{*custody, *storage, of_many_nodes(), "operator:ada"};
  ASSERT_TRUE(retire_key(ahead, standby, clock.now()));
  b->ring->refresh();
  tick({a.get()});
  const std::string closed = only(KeyState::pending);
  ASSERT_NE(closed, "");
  clock.advance(days{60});
  tick({a.get()});
  clock.advance(days{1});
  tick({a.get()});
  EXPECT_EQ(a->signing(), first);
  EXPECT_EQ(only(KeyState::signing), first);
  EXPECT_EQ(only(KeyState::standby), closed);
  ASSERT_TRUE(retire_key(ahead, closed, clock.now()));  // as an operator does whose line is lost
  tick({a.get()});
  clock.advance(minutes{15});
  tick({a.get()});
  EXPECT_NE(a->signing(), first);
  EXPECT_NE(a->signing(), "");
}

TEST_F(WrappingKeyRotation, RewrapNeverBringsBackWhatWasDestroyedMeanwhile) {
  const auto a = started();
  auto operators = by(*a);
  const std::string leaked = a->signing();
  write(new_line + "\n" + old_line);
  const auto command =
      DatabaseCustody::make(*storage, wrapping, a->random, Cover::not_required).value();
  const auto before = wrapped();
  ASSERT_TRUE(retire_key_now(operators, leaked, clock.now()));
  // As if it had been read before the key was retired.
  const auto put_back = storage->update_keys(
      [&](const Records&) -> std::expected<storage::KeyStore::Update, std::string> {
        return storage::KeyStore::Update{{}, {}, before, {}};
      },
      ManualClock::start, "test");
  ASSERT_TRUE(put_back);
  const auto result = command->rewrap(clock.now(), "operator:ada");
  ASSERT_TRUE(result);
  EXPECT_FALSE(is_wrapped(leaked));
}

class KeyCommandsOnTheDatabase : public KeysInTheDatabase {
 protected:
  KeyCommandsOnTheDatabase() : server(started()), operators(by(*server)) {}
  std::unique_ptr<Node> server;
  KeyAccess operators;
};

TEST_F(KeyCommandsOnTheDatabase, RetireNowDestroysTheWrappedHalfInTheSameTransaction) {
  const std::string leaked = server->signing();
  const auto result = retire_key_now(operators, leaked, clock.now());
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_FALSE(is_wrapped(leaked));
  EXPECT_TRUE(is_wrapped(result->signing));
  tick({server.get()});
  EXPECT_EQ(server->signing(), result->signing);
  EXPECT_FALSE(server->publishes(leaked));
}

TEST_F(KeyCommandsOnTheDatabase, RetireNowWithNoOtherKeyMakesOneThatSignsAtOnce) {
  ASSERT_TRUE(retire_key(operators, only(KeyState::pending), clock.now()));
  const std::string leaked = server->signing();
  const auto result = retire_key_now(operators, leaked, clock.now());
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_EQ(only(KeyState::signing), result->signing);
  EXPECT_TRUE(is_wrapped(result->signing));
  EXPECT_TRUE(result->warning.contains("verifiers"));
  tick({server.get()});
  EXPECT_EQ(server->signing(), result->signing);
}

TEST_F(KeyCommandsOnTheDatabase, ImportPutsBackThePrivateHalfOfAKnownKeyAndItsTimesStay) {
  const auto brought = import_key(operators, pem(0), clock.now());
  ASSERT_TRUE(brought) << brought.error().detail;
  EXPECT_FALSE(import_key(operators, pem(0), clock.now()));
  destroy(brought->kid);
  const auto before = records();
  clock.advance(hours{1});
  const auto again = import_key(operators, pem(0), clock.now());
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(records(), before);
  EXPECT_TRUE(is_wrapped(brought->kid));
}

TEST_F(KeyCommandsOnTheDatabase, ImportBringsBackNoRetiredKey) {
  ASSERT_TRUE(import_key(operators, pem(0), clock.now()));
  ASSERT_TRUE(retire_key(operators, test_key(0)->kid(), clock.now()));
  EXPECT_FALSE(is_wrapped(test_key(0)->kid()));
  const auto again = import_key(operators, pem(0), clock.now());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, OperationError::Kind::not_in_this_state);
}

TEST_F(KeyCommandsOnTheDatabase, RetireDoesNotHandOverToAKeyThatTheCommandCannotOpen) {
  clock.advance(minutes{15});
  testing::write_text(temporary / "other", new_line);
  const auto custody =
      DatabaseCustody::make(*storage, temporary / "other", server->random, Cover::not_required)
          .value();
  KeyAccess blind{*custody, *storage, of_many_nodes(), "operator:ada"};
  EXPECT_FALSE(retire_key(blind, server->signing(), clock.now()));
  EXPECT_TRUE(retire_key(operators, server->signing(), clock.now()));
}

/// The way out where every line is lost: new keys, of which one signs at once.
TEST_F(KeyCommandsOnTheDatabase, WithALostLineRetireNowMakesAKeyUnderTheNewOne) {
  testing::write_text(wrapping, new_line);
  const auto custody =
      DatabaseCustody::make(*storage, wrapping, server->random, Cover::not_required).value();
  KeyAccess access{*custody, *storage, of_many_nodes(), "operator:ada"};
  for (const auto& row : wrapped()) {
    const auto result = retire_key_now(access, row.kid, clock.now());
    ASSERT_TRUE(result) << result.error().detail;
  }
  EXPECT_EQ(wrapped().size(), 1U);
  EXPECT_EQ(started()->signing(), only(KeyState::signing));
}

}  // namespace
}  // namespace grantd::keys
