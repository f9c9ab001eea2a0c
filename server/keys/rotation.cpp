#include "server/keys/rotation.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <tuple>
#include <utility>

#include "server/base/text.h"

namespace grantd::keys {
namespace {

using storage::ChangeKind;
using storage::KeyOrigin;
using storage::KeyRecord;
using Keys = std::vector<KeyRecord>;

bool is_removed(const KeyRecord& key, WallTime now) {
  return key.compromised || (key.removed_at && now >= *key.removed_at);
}

bool earlier(const KeyRecord& a, const KeyRecord& b) {
  return std::tie(a.signs_from, a.published_at, a.kid) <
         std::tie(b.signs_from, b.published_at, b.kid);
}

/// The first of those that `fits` says may sign; null where none.
const KeyRecord* first_of(const Keys& keys, const std::function<bool(const KeyRecord&)>& fits) {
  const KeyRecord* best = nullptr;
  for (const auto& key : keys) {
    if (fits(key) && (best == nullptr || earlier(key, *best))) best = &key;
  }
  return best;
}

/// The one that signs; the youngest, should a record edited by hand have made two.
KeyRecord* find_signing(Keys& keys) {
  KeyRecord* found = nullptr;
  for (auto& key : keys) {
    if (is_signing(key) && (found == nullptr || key.signing_since > found->signing_since)) {
      found = &key;
    }
  }
  return found;
}

/// The work on one plan: each step changes `keys` as if it were stored already.
class Planner {
 public:
  Planner(Keys keys, const Kids& usable, const Barred& barred, const RotationSettings& settings,
          WallTime now)
      : keys_(std::move(keys)), usable_(usable), settings_(settings), now_(now) {
    std::ranges::set_difference(usable, barred.closed, std::inserter(open_, open_.end()));
    std::ranges::set_difference(open_, barred.unripe, std::inserter(ripe_, ripe_.end()));
  }

  RotationPlan plan(const Keys& before) {
    repair_clock();
    renew_limits(keys_, settings_, now_);
    take_over();
    plan_.needs_standby = settings_.rotate_every && !has_standby();
    const KeyRecord* signing = find_signing(keys_);
    if (signing != nullptr && is_usable(*signing)) plan_.signing = signing->kid;
    plan_.update = difference(before, keys_);
    return std::move(plan_);
  }

 private:
  [[nodiscard]] bool is_usable(const KeyRecord& key) const { return usable_.contains(key.kid); }

  [[nodiscard]] bool has_standby() const {
    return std::ranges::any_of(keys_, [this](const KeyRecord& key) {
      return key.origin == KeyOrigin::standby && is_waiting(key) && is_usable(key);
    });
  }

  [[nodiscard]] const KeyRecord* pinned() const {
    if (!settings_.pinned) return nullptr;
    const auto found = std::ranges::find(keys_, *settings_.pinned, &KeyRecord::kid);
    return found == keys_.end() || is_removed(*found, now_) ? nullptr : &*found;
  }

  /// A clock that ran ahead and was set right must not keep a key waiting, or signing, for as long
  /// as it was ahead.
  void repair_clock() {
    const sys_seconds now = ceil_seconds(now_);
    for (auto& key : keys_) {
      if (is_signing(key) && *key.signing_since > now + clock_jitter) {
        const auto ahead = *key.signing_since - now;
        warn_of_clock(key, *key.signing_since);
        key.signing_since = now;
        if (key.rotates_at) *key.rotates_at -= ahead;
      } else if (is_waiting(key) && key.published_at > now + clock_jitter) {
        warn_of_clock(key, key.published_at);
        key.signs_from -= key.published_at - now;
        key.published_at = now;
      }
    }
  }

  void warn_of_clock(const KeyRecord& key, sys_seconds ahead) {
    plan_.warnings.push_back("the clock went back: key " + key.kid + " bears the time " +
                             rfc3339(ahead) + ", which is still to come; its times count from now");
  }

  void take_over() {
    if (settings_.pinned) {
      sign_with_pinned();
    } else {
      sign_with_operators_keys();
      rotate();
    }
    replace_lost_key();
  }

  void sign_with_pinned() {
    const KeyRecord* const key = pinned();
    if (key != nullptr && !is_signing(*key) && ripe_.contains(key->kid) &&
        now_ >= key->signs_from && may_come_back(*key, settings_, now_)) {
      hand_over(keys_, std::string(key->kid), settings_, now_);
    }
  }

  void sign_with_operators_keys() {
    const auto due = [this](const KeyRecord& key) {
      return key.origin == KeyOrigin::operator_brought && is_waiting(key) &&
             ripe_.contains(key.kid) && now_ >= key.signs_from;
    };
    while (const KeyRecord* next = first_of(keys_, due)) {
      hand_over(keys_, std::string(next->kid), settings_, now_);
    }
  }

  void rotate() {
    const KeyRecord* const signing = find_signing(keys_);
    if (signing == nullptr || !settings_.rotate_every || now_ < *signing->rotates_at) return;
    const KeyRecord* const next = find_successor(keys_, ripe_, now_);
    if (next == nullptr) return;
    hand_over(keys_, std::string(next->kid), settings_, now_);
    // A new one took the place of a lost standby, and it must not stand in the JWKS for ever.
    for (auto& key : keys_) {
      if (is_lost_standby(key, usable_) && now_ >= key.signs_from) remove_key(key, now_);
    }
  }

  /// Where the private half of the signing key is gone, or none has begun.
  void replace_lost_key() {
    const KeyRecord* const signing = find_signing(keys_);
    if (signing != nullptr && is_usable(*signing)) return;
    const KeyRecord* next = find_successor(keys_, ripe_, now_);
    if (next == nullptr) {
      next = first_of(keys_, [this](const KeyRecord& key) {
        return is_waiting(key) && open_.contains(key.kid);
      });
      if (next == nullptr) return;
      plan_.early = true;
      plan_.warnings.push_back(
          "key " + next->kid + " signs before its time, since no other can: " +
          "verifiers that fetched the keys before it was published may refuse its tokens until "
          "they fetch them again");
    }
    hand_over(keys_, std::string(next->kid), settings_, now_);
  }

  Keys keys_;
  const Kids& usable_;
  Kids open_;  // those of usable_ that this process can sign with
  Kids ripe_;  // those of open_ that may take over once their signs_from has come
  const RotationSettings& settings_;
  WallTime now_;
  RotationPlan plan_{};
};

}  // namespace

std::string_view name(KeyState state) {
  switch (state) {
    case KeyState::pending:
      return "pending";
    case KeyState::standby:
      return "standby";
    case KeyState::signing:
      return "signing";
    case KeyState::retired:
      return "retired";
    case KeyState::removed:
      return "removed";
  }
  std::unreachable();
}

KeyState state(const KeyRecord& key, WallTime now) {
  if (is_removed(key, now)) return KeyState::removed;
  if (key.retires_at) return KeyState::retired;
  if (key.signing_since) return KeyState::signing;
  return now < key.signs_from ? KeyState::pending : KeyState::standby;
}

bool is_published(const KeyRecord& key, WallTime now) { return !is_removed(key, now); }

bool is_live(const KeyRecord& key) { return !key.retires_at && !key.compromised; }

bool is_waiting(const KeyRecord& key) { return is_live(key) && !key.signing_since; }

bool is_signing(const KeyRecord& key) { return is_live(key) && key.signing_since; }

void hand_over(Keys& keys, std::string_view successor, const RotationSettings& settings,
               WallTime now) {
  const sys_seconds at = ceil_seconds(now);
  for (auto& key : keys) {
    if (key.kid == successor) {
      key.signing_since = at;
      key.rotates_at.reset();
      if (settings.rotate_every) key.rotates_at = at + *settings.rotate_every;
      key.retires_at.reset();
      key.removed_at.reset();
      key.max_lifetime = std::max(key.max_lifetime, settings.max_lifetime);
    } else if (is_signing(key)) {
      key.retires_at = at;
      key.removed_at = at + std::max(key.max_lifetime, settings.max_lifetime) +
                       settings.clock_skew + settings.unheard;
    }
  }
}

void renew_limits(Keys& keys, const RotationSettings& settings, WallTime now) {
  KeyRecord* const signing = find_signing(keys);
  if (signing == nullptr) return;
  signing->max_lifetime = std::max(signing->max_lifetime, settings.max_lifetime);
  if (settings.rotate_every && !signing->rotates_at) {
    signing->rotates_at =
        std::max(ceil_seconds(now), *signing->signing_since + *settings.rotate_every);
  }
}

bool may_come_back(const KeyRecord& key, const RotationSettings& settings, WallTime now) {
  return !key.removed_at || now + settings.publish_before < *key.removed_at;
}

const KeyRecord* find_successor(const Keys& keys, const Kids& usable, WallTime now) {
  const auto due = [&usable, now](KeyOrigin origin) {
    return [&usable, now, origin](const KeyRecord& key) {
      return key.origin == origin && is_waiting(key) && usable.contains(key.kid) &&
             now >= key.signs_from;
    };
  };
  const KeyRecord* const brought = first_of(keys, due(KeyOrigin::operator_brought));
  return brought != nullptr ? brought : first_of(keys, due(KeyOrigin::standby));
}

bool is_lost_standby(const KeyRecord& key, const Kids& usable) {
  return key.origin == KeyOrigin::standby && is_waiting(key) && !usable.contains(key.kid);
}

void remove_key(KeyRecord& key, WallTime now) {
  key.retires_at = floor_seconds(now);
  key.removed_at = key.retires_at;
}

storage::KeyStore::Update difference(const Keys& before, const Keys& after) {
  storage::KeyStore::Update update;
  for (const auto& key : after) {
    const auto old = std::ranges::find(before, key.kid, &KeyRecord::kid);
    const bool known = old != before.end();
    if (known && *old == key) continue;
    update.put.push_back(key);
    const std::size_t rows = update.changes.size();
    if (!known) update.changes.emplace_back(ChangeKind::key_published, key.kid);
    if (key.compromised && !(known && old->compromised)) {
      update.changes.emplace_back(ChangeKind::key_compromised, key.kid);
    } else if (key.retires_at && !(known && old->retires_at)) {
      update.changes.emplace_back(ChangeKind::key_retired, key.kid);
    } else if (is_signing(key) && !(known && is_signing(*old))) {
      update.changes.emplace_back(ChangeKind::key_signing, key.kid);
    }
    if (update.changes.size() == rows)
      update.changes.emplace_back(ChangeKind::key_changed, key.kid);
  }
  return update;
}

RotationPlan plan_rotation(const Keys& keys, const Kids& usable, const RotationSettings& settings,
                           WallTime now, const Barred& barred) {
  return Planner(keys, usable, barred, settings, now).plan(keys);
}

RotationPlan plan_rotation(const Keys& keys, const Kids& kept, const Kids& in_memory,
                           const RotationSettings& settings, WallTime now, const Barred& barred) {
  auto plan = plan_rotation(keys, kept, settings, now, barred);
  if (!plan.signing.empty() && !plan.early) return plan;
  auto from_memory = plan_rotation(keys, in_memory, settings, now, barred);
  if (from_memory.signing.empty() || from_memory.early) return plan;
  from_memory.from_memory = true;
  return from_memory;
}

}  // namespace grantd::keys
