/// The schedule over years, with what operators, clocks and disks do to it. Whatever happens, some
/// things hold at every moment.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "server/keys/publication.h"
#include "server/keys/rotation.h"

namespace grantd::keys {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using storage::KeyOrigin;
using storage::KeyRecord;

constexpr sys_seconds beginning{seconds{1767225600}};
constexpr days years_simulated{12 * 365};
constexpr seconds overdue_tolerance{days{3}};
constexpr std::size_t max_published = 16;

struct Token {
  std::string kid{};
  seconds issued{};  // since the beginning, as World::aged() counts
  sys_seconds expires_at{};
  seconds lifetime{};
};

class World {
 public:
  explicit World(unsigned seed) : random_(seed) {
    settings_.rotate_every = days{30};
    settings_.publish_before = minutes{15};
    settings_.max_lifetime = hours{1};
    settings_.clock_skew = seconds{30};
    publish(KeyOrigin::standby);
    tick();
  }

  void run() {
    while (passed_ < years_simulated && !::testing::Test::HasFailure()) {
      pass(pick<seconds>(
          {seconds{1}, seconds{40}, minutes{3}, minutes{20}, minutes{55}, hours{5}, days{1}}));
      disturb();
      tick();
      check();
      issue();
    }
  }

  [[nodiscard]] int rotations() const { return rotations_; }

 private:
  template <typename T>
  T pick(std::initializer_list<T> from) {
    return *(from.begin() + static_cast<std::ptrdiff_t>(random_() % from.size()));
  }
  bool chance(unsigned one_in) { return random_() % one_in == 0; }

  [[nodiscard]] sys_seconds now() const { return beginning + passed_ + clock_error_; }

  /// A clock that is set forward cannot be told from time that passes; one that is set back lets no
  /// token live longer.
  [[nodiscard]] seconds aged() const { return passed_ + set_forward_; }

  void pass(seconds by) {
    const auto* const signing = current();
    const bool due = settings_.rotate_every && !settings_.pinned && signing != nullptr &&
                     signing->rotates_at && now() >= *signing->rotates_at;
    overdue_ = due ? overdue_ + by : seconds{0};
    passed_ += by;
  }

  [[nodiscard]] const KeyRecord* current() const {
    const auto found = std::ranges::find_if(keys_, is_signing);
    return found == keys_.end() ? nullptr : &*found;
  }

  void publish(KeyOrigin origin) {
    KeyRecord key;
    key.kid = "key" + std::to_string(++made_);
    key.origin = origin;
    key.published_at = now();
    const bool first = signs_from_after(keys_) == SignsFrom::at_once;
    key.signs_from = first ? now() : now() + settings_.publish_before;
    files_.insert(key.kid);
    memory_.insert(key.kid);
    loaded_.insert(key.kid);
    keys_.push_back(std::move(key));
  }

  /// What the server does at start and SIGHUP: files are looked at anew.
  void reload() {
    loaded_ = files_;
    memory_.insert(files_.begin(), files_.end());
  }
  void restart() {
    const bool could_start = std::ranges::any_of(
        keys_, [this](const KeyRecord& key) { return is_live(key) && files_.contains(key.kid); });
    if (!could_start) return;
    memory_ = files_;
    loaded_ = files_;
  }

  void disturb() {
    if (chance(40)) restart();
    if (chance(60)) change_settings();
    if (chance(50)) set_clock();
    if (chance(60)) publish(KeyOrigin::operator_brought);
    if (chance(80)) lose_a_file();
    if (chance(100)) pin_or_unpin();
    if (chance(100)) retire();
    if (chance(300)) leak();
  }

  void change_settings() {
    settings_.rotate_every =
        pick<std::optional<seconds>>({std::nullopt, days{1}, days{7}, days{30}});
    settings_.publish_before = pick<seconds>({minutes{15}, minutes{5}, days{1}});
    settings_.max_lifetime = pick<seconds>({minutes{5}, hours{1}, hours{10}});
    settings_.clock_skew = pick<seconds>({seconds{0}, seconds{30}});
    reload();
  }

  void set_clock() {
    clock_error_ +=
        pick<seconds>({seconds{-1}, seconds{1}, minutes{-10}, minutes{10}, hours{-30}, hours{30}});
  }

  void lose_a_file() {
    std::vector<std::string> there(files_.begin(), files_.end());
    if (there.empty()) return;
    files_.erase(there[random_() % there.size()]);
    if (chance(2)) reload();
  }

  void pin_or_unpin() {
    if (settings_.pinned) {
      settings_.pinned.reset();
    } else {
      const auto& key = keys_[random_() % keys_.size()];
      if (is_published(key, now())) settings_.pinned = key.kid;  // others are refused
    }
    reload();
  }

  void retire() {
    auto& key = keys_[random_() % keys_.size()];
    if (settings_.pinned == key.kid || !is_live(key) || !files_.contains(key.kid)) return;
    if (is_signing(key)) {
      if (const auto* next = find_successor(keys_, files_, now())) {
        hand_over(keys_, std::string(next->kid), settings_, now());
      }
    } else {
      key.retires_at = key.removed_at = now();
    }
  }

  void leak() {
    auto& key = keys_[random_() % keys_.size()];
    if (!is_published(key, now())) return;
    key.compromised = true;
    key.retires_at = key.removed_at = now();
    files_.erase(key.kid);
    memory_.erase(key.kid);
    loaded_.erase(key.kid);
    if (settings_.pinned == key.kid) settings_.pinned.reset();
    if (find_signing_or_next() == nullptr) publish(KeyOrigin::standby);
  }

  [[nodiscard]] const KeyRecord* find_signing_or_next() const {
    const auto found = std::ranges::find_if(
        keys_, [this](const KeyRecord& key) { return is_live(key) && loaded_.contains(key.kid); });
    return found == keys_.end() ? nullptr : &*found;
  }

  void tick() {
    forget_lost_operators_keys();
    forget_keys_of_old();
    for (int round = 0; round < 2; ++round) {
      const auto plan = plan_rotation(keys_, loaded_, memory_, settings_, now());
      note_successor(plan);
      keys_ = with(std::move(keys_), plan.update);
      signing_ = plan.signing;
      EXPECT_TRUE(plan_rotation(keys_, loaded_, memory_, settings_, now()).update.put.empty())
          << "a plan that is applied leaves nothing to do";
      if (!plan.needs_standby) break;
      ASSERT_EQ(round, 0) << "a new standby is not needed twice";
      publish(KeyOrigin::standby);
    }
  }

  /// Keeps the simulation quick; storage keeps them, to no effect.
  void forget_keys_of_old() {
    std::erase_if(keys_, [this](const KeyRecord& key) {
      return !is_live(key) && *key.removed_at + days{60} < now();
    });
  }

  /// What `key list` is for: an operator sees that a key of theirs will never sign.
  void forget_lost_operators_keys() {
    for (auto& key : keys_) {
      if (key.origin != KeyOrigin::operator_brought || !is_live(key) || key.signing_since ||
          memory_.contains(key.kid)) {
        continue;
      }
      key.retires_at = key.removed_at = now();
    }
  }

  void note_successor(const RotationPlan& plan) {
    if (plan.signing.empty() || plan.signing == signing_) return;
    ++rotations_;
    const auto* const key = find_record(keys_, plan.signing);
    ASSERT_NE(key, nullptr);
    EXPECT_TRUE(plan.early || now() >= key->signs_from) << key->kid << " signs before its time";
  }

  void check() {
    const auto count = std::ranges::count_if(keys_, is_signing);
    ASSERT_EQ(count, 1) << "after " << passed_.count() << " s";
    ASSERT_EQ(signing_, current()->kid) << "after " << passed_.count() << " s";
    ASSERT_TRUE(memory_.contains(signing_));
    ASSERT_LT(overdue_, overdue_tolerance) << signing_ << " is not rotated";

    const auto published = std::ranges::count_if(
        keys_, [this](const KeyRecord& key) { return is_published(key, now()); });
    ASSERT_LE(static_cast<std::size_t>(published), max_published);

    while (!tokens_.empty() && aged() - tokens_.front().issued >= hours{10}) tokens_.pop_front();
    for (const auto& token : tokens_) {
      if (aged() - token.issued >= token.lifetime || now() >= token.expires_at) continue;
      const auto* const key = find_record(keys_, token.kid);
      ASSERT_TRUE(key->compromised || is_published(*key, now()))
          << "a token of " << token.kid << " outlives its key after " << passed_.count() << " s";
    }
  }

  void issue() {
    tokens_.push_back({signing_, passed_, now() + settings_.max_lifetime, settings_.max_lifetime});
  }

  std::mt19937 random_;
  RotationSettings settings_;
  Records keys_;
  Kids files_;   // on disk
  Kids loaded_;  // on disk when the server looked last
  Kids memory_;
  std::string signing_;
  std::deque<Token> tokens_;
  seconds passed_{0};
  seconds clock_error_{0};
  seconds set_forward_{0};
  seconds overdue_{0};
  int made_{0};
  int rotations_{0};
};

class RotationOverYears : public ::testing::TestWithParam<unsigned> {};

TEST_P(RotationOverYears, AlwaysSignsAndNeverOutlivesItsTokens) {
  World world(GetParam());
  world.run();
  EXPECT_GT(world.rotations(), 50);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RotationOverYears, ::testing::Range(1U, 25U));

}  // namespace
}  // namespace grantd::keys
