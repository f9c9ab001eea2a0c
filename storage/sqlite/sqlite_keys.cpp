#include "storage/names.h"
#include "storage/record_rows.h"
#include "storage/sqlite/backend.h"
#include "storage/verbs.h"

namespace grantd::storage::sqlite {

std::vector<KeyRecord> read_keys(Connection& connection) {
  std::vector<KeyRecord> keys;
  auto rows = connection.query(
      "SELECT kid, public_jwk, origin, published_at, signs_from, signing_since, rotates_at,"
      " retires_at, removed_at, max_lifetime_s, compromised"
      " FROM signing_key ORDER BY published_at, kid");
  while (rows.step()) {
    auto key = read_key(rows);
    if (!key) {
      throw Failure(SQLITE_CORRUPT, "key " + rows.string(0) + " has an origin that is unknown");
    }
    keys.push_back(std::move(*key));
  }
  return keys;
}

void put_key(Connection& connection, const KeyRecord& key) {
  connection.run(
      "INSERT INTO signing_key (kid, public_jwk, origin, published_at, signs_from, signing_since,"
      " rotates_at, retires_at, removed_at, max_lifetime_s, compromised)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (kid) DO UPDATE SET public_jwk = excluded.public_jwk, origin = excluded.origin,"
      " published_at = excluded.published_at, signs_from = excluded.signs_from,"
      " signing_since = excluded.signing_since, rotates_at = excluded.rotates_at,"
      " retires_at = excluded.retires_at, removed_at = excluded.removed_at,"
      " max_lifetime_s = excluded.max_lifetime_s, compromised = excluded.compromised",
      key.kid, key.public_jwk, name(key.origin), key.published_at, key.signs_from,
      key.signing_since, key.rotates_at, key.retires_at, key.removed_at, key.max_lifetime,
      key.compromised);
}

void put_wrapped_key(Connection& connection, const KeyStore::WrappedKey& key) {
  connection.run(
      "INSERT INTO wrapped_key (kid, wrapping_key_id, wrapped) VALUES (?, ?, ?)"
      " ON CONFLICT (kid) DO UPDATE SET wrapping_key_id = excluded.wrapping_key_id,"
      " wrapped = excluded.wrapped",
      key.kid, key.wrapping_key_id, Octets{key.wrapped});
}

void delete_wrapped_key(Connection& connection, std::string_view kid) {
  connection.run("DELETE FROM wrapped_key WHERE kid = ?", kid);
}

void mark_compromised(Connection& connection, std::string_view kid, std::int64_t seq) {
  connection.run("UPDATE signing_key SET compromised_seq = ? WHERE kid = ?", seq, kid);
}

StoreResult<std::vector<KeyRecord>> Backend::load_keys() {
  return database_->read([](Connection& connection) -> StoreResult<std::vector<KeyRecord>> {
    return read_keys(connection);
  });
}

StoreResult<std::vector<KeyStore::WrappedKey>> Backend::load_wrapped_keys() {
  return database_->read([](Connection& connection) -> StoreResult<std::vector<WrappedKey>> {
    std::vector<WrappedKey> keys;
    auto rows =
        connection.query("SELECT kid, wrapping_key_id, wrapped FROM wrapped_key ORDER BY kid");
    while (rows.step()) keys.push_back({rows.string(0), rows.string(1), rows.octets(2)});
    return keys;
  });
}

StoreResult<std::vector<KeyRecord>> Backend::update_keys(
    const std::function<std::expected<Update, std::string>(const std::vector<KeyRecord>&)>& decide,
    sys_seconds now, std::string_view actor) {
  return database_->write(
      [&](Connection& connection) { return verbs::update_keys(connection, decide, now, actor); });
}

}  // namespace grantd::storage::sqlite
