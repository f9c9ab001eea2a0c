/// What verifiers and tokens see of the keys at one moment, and what an operator hears when it
/// changes. Pure. Private to keys/.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/keys/custody.h"
#include "server/keys/key_ring.h"
#include "server/keys/publication.h"

namespace grantd::keys {

struct Effective {
  std::string signing{};                                 // a kid; empty where none signs
  std::map<std::string, bool, std::less<>> published{};  // kid, and whether it is retired
  bool operator==(const Effective&) const = default;
};

[[nodiscard]] Effective effective(const Records& records, std::string signing, WallTime now);

[[nodiscard]] std::vector<KeyEvent> events_between(const Effective& before, const Effective& after,
                                                   const Records& records);

/// In the order of `records`. A public half that cannot be read (a database edited by hand) is left
/// out, with a warning in `events`.
[[nodiscard]] std::shared_ptr<const KeySet> make_key_set(const Effective& effective,
                                                         const Records& records, PrivateKey signing,
                                                         std::vector<KeyEvent>& events);

}  // namespace grantd::keys
