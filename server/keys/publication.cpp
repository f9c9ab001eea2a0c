#include "server/keys/publication.h"

#include <algorithm>

namespace grantd::keys {

using storage::StoreError;
using storage::StoreErrorCode;

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

const storage::KeyRecord* find_record(const Records& records, std::string_view kid) {
  const auto found = std::ranges::find(records, kid, &storage::KeyRecord::kid);
  return found == records.end() ? nullptr : &*found;
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

std::vector<std::string> recover(const KeyDirectory& directory, const KeyDirectory::Lock& lock,
                                 const Records& known) {
  return directory.recover(lock, [&known](std::string_view kid) {
    const auto* const record = find_record(known, kid);
    return record != nullptr && !record->compromised;
  });
}

storage::StoreResult<Records> publish(const KeyDirectory& directory, const KeyDirectory::Lock& lock,
                                      storage::KeyStore& store, const jose::RsaPrivateKey& key,
                                      const Decide& decide, WallTime now, std::string_view actor) {
  if (const auto written = directory.write_new(lock, key); !written) {
    return std::unexpected(StoreError{StoreErrorCode::unavailable, written.error()});
  }
  auto records = store.update_keys(decide, floor_seconds(now), actor);
  if (!records) {
    // Where storage went away in the middle it may have stored the key: the next recovery decides.
    if (records.error().code == StoreErrorCode::refused) directory.discard_new(lock, key.kid());
    return records;
  }
  if (const auto accepted = directory.accept_new(lock, key.kid()); !accepted) {
    return std::unexpected(StoreError{StoreErrorCode::unavailable, accepted.error()});
  }
  return records;
}

}  // namespace grantd::keys
