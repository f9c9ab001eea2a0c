#include "server/keys/publication.h"

#include <algorithm>

namespace grantd::keys {

storage::KeyRecord new_record(const jose::RsaPublicKey& key, storage::KeyOrigin origin,
                              SignsFrom signs_from, const RotationSettings& settings,
                              WallTime now) {
  storage::KeyRecord record;
  record.kid = key.kid();
  record.public_jwk = key.jwk();
  record.origin = origin;
  switch (signs_from) {
    case SignsFrom::after_publish_before:
      record.published_at = ceil_seconds(now);
      record.signs_from = record.published_at + settings.publish_before;
      break;
    case SignsFrom::at_once:
      record.published_at = floor_seconds(now);
      record.signs_from = record.published_at;
      break;
  }
  return record;
}

SignsFrom signs_from_after(const Records& known) {
  return known.empty() ? SignsFrom::at_once : SignsFrom::after_publish_before;
}

void add_operators_key(Records& records, const jose::RsaPrivateKey& key,
                       const RotationSettings& settings, WallTime now) {
  if (find_record(records, key.kid()) != nullptr) return;
  records.push_back(new_record(*key.public_key(), storage::KeyOrigin::operator_brought,
                               signs_from_after(records), settings, now));
}

const storage::KeyRecord* find_record(const Records& records, std::string_view kid) {
  const auto found = std::ranges::find(records, kid, &storage::KeyRecord::kid);
  return found == records.end() ? nullptr : &*found;
}

storage::StoreResult<Records> record_limits(storage::KeyStore& store, Records known,
                                            const RotationSettings& settings, WallTime now,
                                            std::string_view actor) {
  const auto renewed = [&](const Records& stored) {
    Records after = stored;
    renew_limits(after, settings, now);
    return difference(stored, after);
  };
  if (renewed(known).put.empty()) return known;
  return store.update_keys(
      [&](const Records& stored) -> std::expected<storage::KeyStore::Update, std::string> {
        return renewed(stored);
      },
      floor_seconds(now), actor);
}

Records with(Records records, const storage::KeyStore::Update& update) {
  for (const auto& key : update.put) {
    const auto found = std::ranges::find(records, key.kid, &storage::KeyRecord::kid);
    if (found == records.end()) {
      records.push_back(key);
    } else {
      *found = key;
    }
  }
  return records;
}

}  // namespace grantd::keys
