#include "server/keys/pin.h"

#include <algorithm>

#include "server/base/text.h"

namespace grantd::keys {

std::expected<void, std::string> check_pin(const RotationSettings& settings, const Records& records,
                                           const KeyCustody::Content& content,
                                           const KeyCustody::Words& words, WallTime now) {
  if (!settings.pinned) return {};
  const std::string& kid = *settings.pinned;
  const auto* const record = find_record(records, kid);
  const std::string named = "keys.signing_key names " + kid + ", ";
  if (record == nullptr) {
    if (std::ranges::find(content.keys, kid, &jose::RsaPrivateKey::kid) != content.keys.end()) {
      return {};
    }
    return std::unexpected(named + "which " + words.unknown_to +
                           "; `grantd key list` shows the keys");
  }
  if (record->compromised) {
    return std::unexpected(named + "which was retired with --now and never signs again");
  }
  if (!is_published(*record, now)) {
    return std::unexpected(named + "which was removed and never signs again");
  }
  if (!may_come_back(*record, settings, now)) {
    return std::unexpected(named + "which is retired and leaves the JWKS at " +
                           rfc3339(*record->removed_at) +
                           ": too soon (keys.publish_before) for it to come back");
  }
  return {};
}

}  // namespace grantd::keys
