/// Which keys this node has published for long enough that it may let them take over. Private to
/// keys/.
///
/// `signs_from` alone trusts that a key was to be seen by all as soon as it was decided upon, and
/// the database's clock. Where several nodes share the keys neither is certain: a transaction may
/// have hung before anybody could read it (a COMMIT waits for its standby without bound), a
/// failover may have put the clock forward. So a node also waits, by its own steady clock, until it
/// has published a key for as long as the key's times ask: what one node has read is to be read by
/// every other one since. A node that starts begins to count then (docs/adr/0009). One thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "server/base/clock.h"
#include "server/keys/rotation.h"

namespace grantd::keys {

class Ripeness {
 public:
  /// What was read and is published now.
  void published(const Records& records, SteadyTime steady) {
    for (const auto& record : records) since_.try_emplace(record.kid, steady);
  }
  [[nodiscard]] Kids unripe(const Records& records, SteadyTime steady) const {
    Kids kids;
    for (const auto& record : records) {
      if (record.signing_since) continue;                         // whoever let it sign had waited
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
