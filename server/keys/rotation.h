/// The life of the signing keys as a pure function of stored absolute times and `now`.
///
/// pending → standby → signing → retired → removed. Nothing in here reads a clock, a file or a
/// store; whoever applies a plan writes it in one transaction of the KeyStore.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"
#include "storage/stores.h"

namespace grantd::keys {

struct RotationSettings {
  std::optional<std::chrono::seconds> rotate_every{};  // absent: only the operator rotates
  std::chrono::seconds publish_before{0};
  std::chrono::seconds max_lifetime{0};
  std::chrono::seconds clock_skew{0};
  std::optional<std::string> pinned{};  // keys.signing_key
  /// How long a node that hears nothing of the others may sign on, as if nothing had changed. Above
  /// 0: there are several nodes.
  std::chrono::seconds unheard{0};
};

using Records = std::vector<storage::KeyRecord>;

enum class KeyState { pending, standby, signing, retired, removed };
[[nodiscard]] std::string_view name(KeyState state);

/// pending: published, may not sign yet. standby: may sign, does not. A compromised key is removed.
[[nodiscard]] KeyState state(const storage::KeyRecord& key, WallTime now);

/// Whether it stands in the JWKS at `now`.
[[nodiscard]] bool is_published(const storage::KeyRecord& key, WallTime now);

struct RotationPlan {
  /// What to write; empty where nothing is due.
  storage::KeyStore::Update update{};
  /// The key that signs once `update` is written; empty where none may.
  std::string signing{};
  /// That key begins before its `signs_from`, because no other can sign: verifiers may not know it
  /// yet.
  bool early{false};
  /// No key whose private half is kept may sign now: that key signs on from memory.
  bool from_memory{false};
  /// A standby key is to be generated and published.
  bool needs_standby{false};
  /// Sentences for the operator's log (a clock that went back, a key that had to sign early).
  std::vector<std::string> warnings{};
};

using Kids = std::set<std::string, std::less<>>;

/// Keys at hand that must not take over by this process's plan, though their `signs_from` has come.
struct Barred {
  Kids unripe{};  // not yet, unless no other can sign
  /// Never: only others can open them, if anybody can. Where one of them signs already, it is not
  /// lost.
  Kids closed{};
};

/// `usable`: the kids whose private half is at hand, closed ones too. Applying a plan and planning
/// again at the same `now` changes nothing more.
[[nodiscard]] RotationPlan plan_rotation(const std::vector<storage::KeyRecord>& keys,
                                         const Kids& usable, const RotationSettings& settings,
                                         WallTime now, const Barred& barred = {});

/// The same for a running server, which still has in memory what it read before: where no key whose
/// private half is kept may sign now, the last good set signs on until one may.
[[nodiscard]] RotationPlan plan_rotation(const std::vector<storage::KeyRecord>& keys,
                                         const Kids& kept, const Kids& in_memory,
                                         const RotationSettings& settings, WallTime now,
                                         const Barred& barred = {});

/// Begun to sign, neither retired nor compromised: at most one of an installation's keys.
[[nodiscard]] bool is_signing(const storage::KeyRecord& key);
/// Signs or may still come to sign by itself: not retired, not compromised.
[[nodiscard]] bool is_live(const storage::KeyRecord& key);
/// Live, and has not begun to sign.
[[nodiscard]] bool is_waiting(const storage::KeyRecord& key);

/// `successor` signs from now on; whoever signed before retires, published until the last of its
/// tokens has expired. A retired successor comes back.
void hand_over(std::vector<storage::KeyRecord>& keys, std::string_view successor,
               const RotationSettings& settings, WallTime now);

/// The key that signs now is published for as long as `settings` let its tokens live, and rotates
/// in its time.
void renew_limits(std::vector<storage::KeyRecord>& keys, const RotationSettings& settings,
                  WallTime now);

/// Whether a retired key may sign again: it is published for so long that every node hears of it
/// before it drops the key. A key that is not retired may.
[[nodiscard]] bool may_come_back(const storage::KeyRecord& key, const RotationSettings& settings,
                                 WallTime now);

/// The usable key that may take over now: an operator's first, then the oldest standby; null where
/// there is none.
[[nodiscard]] const storage::KeyRecord* find_successor(const std::vector<storage::KeyRecord>& keys,
                                                       const Kids& usable, WallTime now);

/// A standby that waits, whose private half is lost: it never signed and never will.
[[nodiscard]] bool is_lost_standby(const storage::KeyRecord& key, const Kids& usable);
/// Out of the JWKS at once.
void remove_key(storage::KeyRecord& key, WallTime now);

/// What leads from `before` to `after`: the records that differ, with their rows for `change`.
[[nodiscard]] storage::KeyStore::Update difference(const std::vector<storage::KeyRecord>& before,
                                                   const std::vector<storage::KeyRecord>& after);

/// A clock that is set back by less is not worth a word: rounding up alone makes up one second.
inline constexpr std::chrono::seconds clock_jitter{10};

}  // namespace grantd::keys
