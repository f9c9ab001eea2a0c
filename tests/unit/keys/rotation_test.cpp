#include "server/keys/rotation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace grantd::keys {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using storage::ChangeKind;
using storage::KeyOrigin;
using storage::KeyRecord;
using Keys = std::vector<KeyRecord>;

constexpr sys_seconds t0{seconds{1767225600}};

RotationSettings settings() {
  RotationSettings settings;
  settings.rotate_every = days{30};
  settings.publish_before = minutes{15};
  settings.max_lifetime = hours{1};
  settings.clock_skew = seconds{30};
  return settings;
}

KeyRecord waiting(std::string kid, KeyOrigin origin, sys_seconds published_at,
                  seconds publish_before = minutes{15}) {
  KeyRecord key;
  key.kid = std::move(kid);
  key.origin = origin;
  key.published_at = published_at;
  key.signs_from = published_at + publish_before;
  return key;
}

KeyRecord signing(std::string kid, sys_seconds since) {
  KeyRecord key = waiting(std::move(kid), KeyOrigin::standby, since, seconds{0});
  key.signing_since = since;
  key.rotates_at = since + days{30};
  key.max_lifetime = hours{1};
  return key;
}

Kids all(const Keys& keys) {
  Kids kids;
  for (const auto& key : keys) kids.insert(key.kid);
  return kids;
}

/// The keys once what is planned is stored.
Keys applied(Keys keys, const RotationPlan& plan) {
  for (const auto& key : plan.update.put) *std::ranges::find(keys, key.kid, &KeyRecord::kid) = key;
  return keys;
}

const KeyRecord& find(const Keys& keys, std::string_view kid) {
  return *std::ranges::find(keys, kid, &KeyRecord::kid);
}

TEST(KeyState, FollowsTheTimesOfTheRecord) {
  KeyRecord key = waiting("a", KeyOrigin::standby, t0);
  EXPECT_EQ(state(key, t0), KeyState::pending);
  EXPECT_EQ(state(key, t0 + minutes{15}), KeyState::standby);
  key.signing_since = t0 + minutes{20};
  EXPECT_EQ(state(key, t0 + minutes{20}), KeyState::signing);
  key.retires_at = t0 + hours{1};
  key.removed_at = t0 + hours{2};
  EXPECT_EQ(state(key, t0 + hours{1}), KeyState::retired);
  EXPECT_TRUE(is_published(key, t0 + hours{2} - seconds{1}));
  EXPECT_FALSE(is_published(key, t0 + hours{2}));
  EXPECT_EQ(state(key, t0 + hours{2}), KeyState::removed);
}

TEST(KeyState, ACompromisedKeyIsRemovedWhateverTheClockSays) {
  KeyRecord key = signing("a", t0);
  key.compromised = true;
  key.retires_at = key.removed_at = t0 + hours{1};
  EXPECT_EQ(state(key, t0), KeyState::removed);
  EXPECT_FALSE(is_published(key, t0));
}

TEST(Rotation, NothingIsDueInTheMiddleOfAKeysLife) {
  const Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  const auto plan = plan_rotation(keys, all(keys), settings(), t0 + days{29});
  EXPECT_TRUE(plan.update.put.empty());
  EXPECT_TRUE(plan.update.changes.empty());
  EXPECT_EQ(plan.signing, "a");
  EXPECT_FALSE(plan.needs_standby);
  EXPECT_TRUE(plan.warnings.empty());
}

TEST(Rotation, TheStandbyTakesOverWhenDueAndAnotherIsNeeded) {
  const Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  const auto now = t0 + days{30};
  const auto plan = plan_rotation(keys, all(keys), settings(), now);
  EXPECT_EQ(plan.signing, "b");
  EXPECT_TRUE(plan.needs_standby);
  const Keys after = applied(keys, plan);
  EXPECT_EQ(find(after, "a").retires_at, now);
  EXPECT_EQ(find(after, "a").removed_at, now + hours{1} + seconds{30});
  EXPECT_EQ(find(after, "b").signing_since, now);
  EXPECT_EQ(find(after, "b").rotates_at, now + days{30});
  EXPECT_EQ(find(after, "b").max_lifetime, hours{1});
  using Row = std::pair<ChangeKind, std::string>;
  EXPECT_EQ(plan.update.changes,
            (std::vector<Row>{{ChangeKind::key_retired, "a"}, {ChangeKind::key_signing, "b"}}));
}

TEST(Rotation, TimesAreRoundedUpToWholeSeconds) {
  const Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  const auto now = t0 + days{30} + std::chrono::milliseconds{1};
  const Keys after = applied(keys, plan_rotation(keys, all(keys), settings(), now));
  EXPECT_EQ(find(after, "a").retires_at, t0 + days{30} + seconds{1});
}

TEST(Rotation, AStandbyNeverSignsBeforeItsTime) {
  const Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0 + days{30})};
  EXPECT_EQ(plan_rotation(keys, all(keys), settings(), t0 + days{30} + minutes{14}).signing, "a");
  EXPECT_EQ(plan_rotation(keys, all(keys), settings(), t0 + days{30} + minutes{15}).signing, "b");
}

TEST(Rotation, OfSeveralStandbysTheOldestTakesOver) {
  const Keys keys{signing("a", t0), waiting("c", KeyOrigin::standby, t0 + hours{1}),
                  waiting("b", KeyOrigin::standby, t0 + hours{2})};
  EXPECT_EQ(plan_rotation(keys, all(keys), settings(), t0 + days{31}).signing, "c");
}

TEST(Rotation, NeverMeansNeverAndNeedsNoStandby) {
  auto never = settings();
  never.rotate_every.reset();
  const Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  EXPECT_EQ(plan_rotation(keys, all(keys), never, t0 + days{3000}).signing, "a");
  const Keys alone{signing("a", t0)};
  EXPECT_FALSE(plan_rotation(alone, all(alone), never, t0 + days{3000}).needs_standby);
}

TEST(Rotation, AChangedIntervalAffectsLaterKeysOnly) {
  auto shorter = settings();
  shorter.rotate_every = days{7};
  const Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  EXPECT_EQ(plan_rotation(keys, all(keys), shorter, t0 + days{29}).signing, "a");
  const auto plan = plan_rotation(keys, all(keys), shorter, t0 + days{30});
  EXPECT_EQ(find(applied(keys, plan), "b").rotates_at, t0 + days{37});
}

TEST(Rotation, AKeyFromWhenNothingRotatedIsDueOnceItIsOldEnough) {
  Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  keys[0].rotates_at.reset();
  Keys after = applied(keys, plan_rotation(keys, all(keys), settings(), t0 + days{10}));
  EXPECT_EQ(find(after, "a").rotates_at, t0 + days{30});
  const auto plan = plan_rotation(keys, all(keys), settings(), t0 + days{100});
  EXPECT_EQ(plan.signing, "b");
}

TEST(Rotation, TheGreatestLifetimeInForceKeepsARetiredKeyPublished) {
  auto longer = settings();
  longer.max_lifetime = hours{10};
  Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  keys = applied(keys, plan_rotation(keys, all(keys), longer, t0 + days{1}));
  EXPECT_EQ(find(keys, "a").max_lifetime, hours{10});
  keys = applied(keys, plan_rotation(keys, all(keys), settings(), t0 + days{30}));
  EXPECT_EQ(find(keys, "a").removed_at, t0 + days{30} + hours{10} + seconds{30});
}

TEST(OperatorsKeys, SignAsSoonAsTheyMayWhateverTheSchedule) {
  const Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0),
                  waiting("op", KeyOrigin::operator_brought, t0 + days{1})};
  const auto due = t0 + days{1} + minutes{15};
  EXPECT_EQ(plan_rotation(keys, all(keys), settings(), due - seconds{1}).signing, "a");
  EXPECT_EQ(plan_rotation(keys, all(keys), settings(), due).signing, "op");
  auto never = settings();
  never.rotate_every.reset();
  EXPECT_EQ(plan_rotation(keys, all(keys), never, due).signing, "op");
}

TEST(OperatorsKeys, EachTakesOverFromTheOneBefore) {
  const Keys keys{signing("a", t0), waiting("op2", KeyOrigin::operator_brought, t0 + hours{2}),
                  waiting("op1", KeyOrigin::operator_brought, t0 + hours{1})};
  const auto plan = plan_rotation(keys, all(keys), settings(), t0 + days{1});
  EXPECT_EQ(plan.signing, "op2");
  const Keys after = applied(keys, plan);
  EXPECT_EQ(state(find(after, "a"), t0 + days{1}), KeyState::retired);
  EXPECT_EQ(state(find(after, "op1"), t0 + days{1}), KeyState::retired);
}

TEST(OperatorsKeys, DoNotCountAsTheStandby) {
  const Keys keys{signing("a", t0), waiting("op", KeyOrigin::operator_brought, t0)};
  EXPECT_TRUE(plan_rotation(keys, all(keys), settings(), t0).needs_standby);
}

TEST(OperatorsKeys, WithoutTheirPrivateHalfDoNotSign) {
  const Keys keys{signing("a", t0), waiting("op", KeyOrigin::operator_brought, t0)};
  EXPECT_EQ(plan_rotation(keys, {"a"}, settings(), t0 + days{1}).signing, "a");
}

TEST(PinnedKey, SignsAsSoonAsItMayAndNothingRotates) {
  auto pinned = settings();
  pinned.pinned = "p";
  Keys keys{signing("a", t0), waiting("p", KeyOrigin::standby, t0 + hours{1}),
            waiting("op", KeyOrigin::operator_brought, t0)};
  EXPECT_EQ(plan_rotation(keys, all(keys), pinned, t0 + hours{1}).signing, "a");
  const auto plan = plan_rotation(keys, all(keys), pinned, t0 + hours{1} + minutes{15});
  EXPECT_EQ(plan.signing, "p");
  keys = applied(keys, plan);
  const auto later = plan_rotation(keys, all(keys), pinned, t0 + days{3000});
  EXPECT_EQ(later.signing, "p");
  EXPECT_TRUE(later.needs_standby);
}

TEST(PinnedKey, ARetiredOneThatIsStillPublishedComesBack) {
  Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  keys = applied(keys, plan_rotation(keys, all(keys), settings(), t0 + days{30}));
  auto pinned = settings();
  pinned.pinned = "a";
  const auto now = t0 + days{30} + minutes{30};
  const auto plan = plan_rotation(keys, all(keys), pinned, now);
  EXPECT_EQ(plan.signing, "a");
  const Keys after = applied(keys, plan);
  EXPECT_EQ(state(find(after, "a"), now), KeyState::signing);
  EXPECT_FALSE(find(after, "a").removed_at);
  EXPECT_EQ(state(find(after, "b"), now), KeyState::retired);
  EXPECT_EQ(plan_rotation(keys, all(keys), pinned, t0 + days{31}).signing, "b");  // removed by then
}

TEST(PinnedKey, ARetiredOneThatAnotherNodeMayDropBeforeItHearsOfThatDoesNotComeBack) {
  Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  keys = applied(keys, plan_rotation(keys, all(keys), settings(), t0 + days{30}));
  auto pinned = settings();
  pinned.pinned = "a";
  const auto last = *find(keys, "a").removed_at - pinned.publish_before;
  EXPECT_EQ(plan_rotation(keys, all(keys), pinned, last).signing, "b");
  EXPECT_EQ(plan_rotation(keys, all(keys), pinned, last - seconds{1}).signing, "a");
}

TEST(PinnedKey, WithoutItsPrivateHalfLeavesTheOthersToSign) {
  auto pinned = settings();
  pinned.pinned = "a";
  const Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  EXPECT_EQ(plan_rotation(keys, {"b"}, pinned, t0 + hours{1}).signing, "b");
}

TEST(LostKey, IsReplacedByTheStandbyAndStaysPublished) {
  const Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  const auto now = t0 + days{1};
  const auto plan = plan_rotation(keys, {"b"}, settings(), now);
  EXPECT_EQ(plan.signing, "b");
  EXPECT_FALSE(plan.early);
  const Keys after = applied(keys, plan);
  EXPECT_TRUE(is_published(find(after, "a"), now + hours{1}));
}

TEST(LostKey, IsReplacedEarlyWhereNoneMaySignYet) {
  const Keys keys{signing("a", t0), waiting("c", KeyOrigin::standby, t0 + minutes{61}),
                  waiting("b", KeyOrigin::standby, t0 + minutes{60})};
  const auto plan = plan_rotation(keys, {"b", "c"}, settings(), t0 + minutes{62});
  EXPECT_EQ(plan.signing, "b");
  EXPECT_TRUE(plan.early);
  ASSERT_EQ(plan.warnings.size(), 1U);
  EXPECT_NE(plan.warnings[0].find("b"), std::string::npos);
}

TEST(LostKey, SignsOnFromMemoryUntilAnotherMaySign) {
  const Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0 + hours{1})};
  const Kids with_file{"b"};
  const auto plan = plan_rotation(keys, with_file, all(keys), settings(), t0 + hours{1});
  EXPECT_EQ(plan.signing, "a");
  EXPECT_TRUE(plan.from_memory);
  EXPECT_FALSE(plan.early);
  const auto then =
      plan_rotation(keys, with_file, all(keys), settings(), t0 + hours{1} + minutes{15});
  EXPECT_EQ(then.signing, "b");
  EXPECT_FALSE(then.from_memory);
}

TEST(LostKey, WithNoFileLeftTheLastGoodSetSignsAndRotates) {
  const Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  EXPECT_EQ(plan_rotation(keys, {}, all(keys), settings(), t0 + days{1}).signing, "a");
  EXPECT_EQ(plan_rotation(keys, {}, all(keys), settings(), t0 + days{30}).signing, "b");
}

TEST(LostKey, WithNoOtherNoneSignsAndNothingIsWritten) {
  const Keys keys{signing("a", t0)};
  const auto plan = plan_rotation(keys, {}, settings(), t0 + days{1});
  EXPECT_EQ(plan.signing, "");
  EXPECT_TRUE(plan.update.put.empty());
  EXPECT_TRUE(plan.needs_standby);
}

TEST(LostKey, ARetiredOneDoesNotComeBackByItself) {
  Keys keys{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  keys = applied(keys, plan_rotation(keys, all(keys), settings(), t0 + days{30}));
  EXPECT_EQ(plan_rotation(keys, {"a"}, settings(), t0 + days{30} + minutes{1}).signing, "");
}

TEST(LostKey, AStandbyWithoutPrivateHalfIsReplacedAndGoesAtTheNextRotation) {
  Keys keys{signing("a", t0), waiting("lost", KeyOrigin::standby, t0)};
  EXPECT_TRUE(plan_rotation(keys, {"a"}, settings(), t0 + hours{1}).needs_standby);
  keys.push_back(waiting("b", KeyOrigin::standby, t0 + hours{1}));
  keys = applied(keys, plan_rotation(keys, {"a", "b"}, settings(), t0 + days{30}));
  EXPECT_EQ(state(find(keys, "lost"), t0 + days{30}), KeyState::removed);
  EXPECT_EQ(state(find(keys, "b"), t0 + days{30}), KeyState::signing);
}

TEST(ClockThatWentBack, ReanchorsTheSigningKeyWithAWarning) {
  const Keys keys{signing("a", t0 + days{365}), waiting("b", KeyOrigin::standby, t0)};
  const auto plan = plan_rotation(keys, all(keys), settings(), t0);
  EXPECT_EQ(plan.signing, "a");
  EXPECT_EQ(plan.warnings.size(), 1U);
  const Keys after = applied(keys, plan);
  EXPECT_EQ(find(after, "a").signing_since, t0);
  EXPECT_EQ(find(after, "a").rotates_at, t0 + days{30});
}

TEST(ClockThatWentBack, ReanchorsWaitingKeysAtTheirDistance) {
  const Keys keys{signing("a", t0 - days{30}),
                  waiting("b", KeyOrigin::standby, t0 + days{365}, minutes{20})};
  const auto plan = plan_rotation(keys, all(keys), settings(), t0);
  const Keys after = applied(keys, plan);
  EXPECT_EQ(find(after, "b").published_at, t0);
  EXPECT_EQ(find(after, "b").signs_from, t0 + minutes{20});
  EXPECT_EQ(plan_rotation(after, all(after), settings(), t0 + minutes{20}).signing, "b");
}

TEST(ClockThatWentBack, RoundingAndJitterAreNoNews) {
  const Keys keys{signing("a", t0 + clock_jitter),
                  waiting("b", KeyOrigin::standby, t0 + seconds{1})};
  const auto plan = plan_rotation(keys, all(keys), settings(), t0);
  EXPECT_TRUE(plan.warnings.empty());
  EXPECT_TRUE(plan.update.put.empty());
}

TEST(KeyChanges, EveryRecordThatIsWrittenHasItsRow) {
  Keys before{signing("a", t0), waiting("b", KeyOrigin::standby, t0)};
  Keys after = before;
  after[0].max_lifetime = hours{2};
  after[1].compromised = true;
  after.push_back(waiting("c", KeyOrigin::standby, t0));
  const auto update = difference(before, after);
  using Row = std::pair<ChangeKind, std::string>;
  EXPECT_EQ(update.put.size(), 3U);
  EXPECT_EQ(update.changes, (std::vector<Row>{{ChangeKind::key_changed, "a"},
                                              {ChangeKind::key_compromised, "b"},
                                              {ChangeKind::key_published, "c"}}));
}

}  // namespace
}  // namespace grantd::keys
