#include "server/keys/effective.h"

#include <utility>

#include "server/base/text.h"

namespace grantd::keys {
namespace {

std::string why_removed(const storage::KeyRecord* record) {
  if (record == nullptr) return "storage does not know it any more";
  return record->compromised ? "left the JWKS: retired with --now" : "left the JWKS";
}

}  // namespace

Effective effective(const Records& records, std::string signing, WallTime now) {
  Effective result;
  for (const auto& record : records) {
    if (is_published(record, now)) {
      result.published.emplace(record.kid, record.retires_at.has_value());
    }
  }
  // A key that is not published must not sign.
  if (result.published.contains(signing)) result.signing = std::move(signing);
  return result;
}

std::vector<KeyEvent> events_between(const Effective& before, const Effective& after,
                                     const Records& records) {
  using Kind = KeyEvent::Kind;
  std::vector<KeyEvent> events;
  for (const auto& [kid, retired] : after.published) {
    const auto known = before.published.find(kid);
    const auto* const record = find_record(records, kid);
    if (known == before.published.end()) {
      events.push_back({Kind::published, kid, "signs from " + rfc3339(record->signs_from)});
    }
    if (retired && (known == before.published.end() || !known->second)) {
      const auto until = record->removed_at.value_or(*record->retires_at);
      events.push_back({Kind::retired, kid, "stays published until " + rfc3339(until)});
    }
  }
  if (after.signing.empty() && !before.signing.empty()) {
    events.push_back(
        {Kind::warning, before.signing, "signs no more, and no other key can: no token is issued"});
  } else if (after.signing != before.signing) {
    events.push_back({Kind::signs, after.signing,
                      before.signing.empty() ? "signs" : "signs in place of " + before.signing});
  }
  for (const auto& [kid, retired] : before.published) {
    if (after.published.contains(kid)) continue;
    events.push_back({Kind::removed, kid, why_removed(find_record(records, kid))});
  }
  return events;
}

std::shared_ptr<const KeySet> make_key_set(const Effective& effective, const Records& records,
                                           PrivateKey signing, std::vector<KeyEvent>& events) {
  std::vector<std::shared_ptr<const jose::RsaPublicKey>> published;
  for (const auto& record : records) {
    if (!effective.published.contains(record.kid)) continue;
    auto key = jose::RsaPublicKey::from_jwk(record.public_jwk);
    if (key && (*key)->kid() == record.kid) {
      published.push_back(std::move(*key));
    } else {
      events.push_back({KeyEvent::Kind::warning, record.kid,
                        "its public half in storage cannot be used: " +
                            (key ? "it is that of " + (*key)->kid() : key.error())});
    }
  }
  return std::make_shared<const KeySet>(std::move(signing), std::move(published));
}

}  // namespace grantd::keys
