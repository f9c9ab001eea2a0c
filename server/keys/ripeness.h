/// Which keys this node has published for long enough that it may let them take over. Private to
/// keys/.
///
/// `signs_from` alone trusts that a key was to be seen by all as soon as it was decided upon, and
/// the database's clock. Where several nodes share the keys neither is certain: a transaction may
/// have hung before it was committed, a failover may have put the clock forward. So a node also
/// waits, by its own steady clock, until it has published a key for as long as the key's times ask:
/// what one node has read is to be read by every other one since (docs/adr/0009). One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "server/base/clock.h"
#include "server/keys/rotation.h"

namespace grantd::keys {

class Ripeness {
 public:
  /// No transaction takes longer from its decision until all can read what it wrote.
  static constexpr std::chrono::seconds slowest_commit{30};

  /// What storage knows when a node starts, which cannot have seen for itself since when.
  void found(const Records& records, WallTime now, SteadyTime steady) {
    for (const auto& record : records) {
      const auto for_long = now - (record.published_at + slowest_commit);
      since_.try_emplace(record.kid, steady - std::max(for_long, WallTime::duration::zero()));
    }
  }
  /// What is published now.
  void published(const Records& records, SteadyTime steady) {
    for (const auto& record : records) since_.try_emplace(record.kid, steady);
  }
  [[nodiscard]] Kids unripe(const Records& records, SteadyTime steady) const {
    Kids kids;
    for (const auto& record : records) {
      const auto asks = record.signs_from - record.published_at;  // none of the first key
      const auto since = since_.find(record.kid);
      if (asks > asks.zero() && (since == since_.end() || steady - since->second < asks)) {
        kids.insert(record.kid);
      }
    }
    return kids;
  }

 private:
  std::map<std::string, SteadyTime, std::less<>> since_;
};

}  // namespace grantd::keys
