/// What a node still may say, by how long ago it last heard from the database that it shares with
/// others (docs/adr/0010).
///
/// One thread reports (service::Following); any thread asks. Times are of the steady clock.
/// Thread-safe, without locks. Where the database is this server's alone (SQLite), no bound is set:
/// nobody else changes anything, and every question is answered with yes.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "server/base/clock.h"

namespace grantd {

class Freshness {
 public:
  struct Bounds {
    /// Since the last reading of `change` that is in force as a whole, for saying what is revoked;
    /// absent: any time.
    std::optional<SteadyTime::duration> staleness{};
    /// The same for issuing tokens and publishing keys.
    std::optional<SteadyTime::duration> grace{};
  };

  enum class Doubt {
    stale,       // what was revoked of late, keys among it, may be unknown here
    grace_over,  // keys may have been rotated or retired meanwhile
    clock_off,   // this node's clock is too far from the database's
  };

  /// As if `change` had just been read: the caller did so.
  Freshness(Bounds bounds, SteadyTime now) : read_at_(now), in_force_at_(now) {
    set_bounds(bounds);
  }

  /// All that `change` held at `sent` is in force here. `sent`: before the reading was sent, since
  /// what is committed later need not be in it.
  /// Keys come into force on another thread: `keys_shown` says whether they have. Until then
  /// nothing here is fresher for the reading: a key may have been retired because it leaked.
  void read(SteadyTime sent, bool keys_shown = true) {
    read_at_ = sent;
    if (keys_shown) in_force_at_ = sent;
    keys_behind_ = !keys_shown;
  }
  /// Whether the last question to the database was answered.
  void set_answers(bool answers) { answers_ = answers; }
  void set_clock_trusted(bool trusted) { clock_trusted_ = trusted; }
  /// A reload.
  void set_bounds(Bounds bounds) {
    staleness_ = bounds.staleness.value_or(no_bound);
    grace_ = bounds.grace.value_or(no_bound);
  }

  /// Why this node must not say what is revoked; none: it may.
  [[nodiscard]] std::optional<Doubt> doubts_current(SteadyTime now) const {
    if (now - in_force_at_.load() > staleness_.load()) return Doubt::stale;
    return std::nullopt;
  }

  /// Why this node must not say of a token that means nothing to it that it is nobody's, or that it
  /// is dead: a key that it does not know may have signed it, and its clock may be wrong.
  [[nodiscard]] std::optional<Doubt> doubts_unknown(SteadyTime now) const {
    if (const auto doubt = doubts_current(now)) return doubt;
    if (is_shared() && keys_behind_.load()) return Doubt::stale;
    if (!clock_trusted_.load()) return Doubt::clock_off;
    return std::nullopt;
  }

  /// Why this node must not issue tokens or publish keys; none: it may.
  [[nodiscard]] std::optional<Doubt> doubts_issuing(SteadyTime now) const {
    if (now - in_force_at_.load() > grace_.load()) return Doubt::grace_over;
    if (!clock_trusted_.load()) return Doubt::clock_off;
    return std::nullopt;
  }

  /// Whether other nodes may change what this one has in memory.
  [[nodiscard]] bool is_shared() const { return grace_.load() != no_bound; }
  [[nodiscard]] bool answers() const { return answers_; }
  [[nodiscard]] SteadyTime read_at() const { return read_at_; }
  /// When the grace ends unless `change` is read again; none: never.
  [[nodiscard]] std::optional<SteadyTime> grace_ends() const {
    const auto grace = grace_.load();
    if (grace == no_bound) return std::nullopt;
    return in_force_at_.load() + grace;
  }

 private:
  static constexpr auto no_bound = SteadyTime::duration::max();

  std::atomic<SteadyTime> read_at_;
  std::atomic<SteadyTime> in_force_at_;
  std::atomic<SteadyTime::duration> staleness_{no_bound};
  std::atomic<SteadyTime::duration> grace_{no_bound};
  std::atomic<bool> keys_behind_{false};
  std::atomic<bool> answers_{true};
  std::atomic<bool> clock_trusted_{true};
};

/// The word in the log; a literal.
[[nodiscard]] constexpr std::string_view name(Freshness::Doubt doubt) {
  switch (doubt) {
    case Freshness::Doubt::stale:
      return "storage_stale";
    case Freshness::Doubt::grace_over:
      return "storage_grace_over";
    case Freshness::Doubt::clock_off:
      return "clock_off";
  }
  std::unreachable();
}

}  // namespace grantd
