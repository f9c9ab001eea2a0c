#include "storage/names.h"
#include "storage/postgres/backend.h"
#include "storage/postgres/row.h"
#include "storage/record_rows.h"
#include "storage/verbs.h"

namespace grantd::storage::postgres {

std::vector<KeyRecord> read_keys(Connection& connection) {
  return read_all(
      connection.query(
          "SELECT kid, public_jwk, origin, published_at, signs_from, signing_since, rotates_at,"
          " retires_at, removed_at, max_lifetime_s, compromised"
          " FROM signing_key ORDER BY published_at, kid"),
      [](const Row& row) {
        auto key = read_key(row);
        if (!key) {
          throw Failure(Failure::Kind::answered, "",
                        "key " + row.string(0) + " has an origin that is unknown");
        }
        return std::move(*key);
      });
}

void put_key(Connection& connection, const KeyRecord& key) {
  connection.run(
      "INSERT INTO signing_key (kid, public_jwk, origin, published_at, signs_from, signing_since,"
      " rotates_at, retires_at, removed_at, max_lifetime_s, compromised)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
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
      "INSERT INTO wrapped_key (kid, wrapping_key_id, wrapped) VALUES ($1, $2, $3)"
      " ON CONFLICT (kid) DO UPDATE SET wrapping_key_id = excluded.wrapping_key_id,"
      " wrapped = excluded.wrapped",
      key.kid, key.wrapping_key_id, Octets{key.wrapped});
}

void delete_wrapped_key(Connection& connection, std::string_view kid) {
  connection.run("DELETE FROM wrapped_key WHERE kid = $1", kid);
}

void mark_compromised(Connection& connection, std::string_view kid, std::int64_t seq) {
  connection.run("UPDATE signing_key SET compromised_seq = $1 WHERE kid = $2", seq, kid);
}

StoreResult<std::vector<KeyRecord>> Backend::load_keys() {
  return database_->read_one([](Connection& connection) -> StoreResult<std::vector<KeyRecord>> {
    return read_keys(connection);
  });
}

StoreResult<std::vector<KeyStore::WrappedKey>> Backend::load_wrapped_keys() {
  return database_->read_one([](Connection& connection) -> StoreResult<std::vector<WrappedKey>> {
    return read_all(
        connection.query("SELECT kid, wrapping_key_id, wrapped FROM wrapped_key ORDER BY kid"),
        [](const Row& row) { return WrappedKey{row.string(0), row.string(1), row.octets(2)}; });
  });
}

StoreResult<std::vector<KeyRecord>> Backend::update_keys(
    const std::function<std::expected<Update, std::string>(const std::vector<KeyRecord>&)>& decide,
    sys_seconds now, std::string_view actor) {
  // To end a session that waits for the standby would show the other nodes a key that no standby
  // has: they would publish it and let it ripen, and a failover would lose it. Left alone, it holds
  // up only writes, none of which would be confirmed either.
  return database_->write_in_order(
      [&](Connection& connection) { return verbs::update_keys(connection, decide, now, actor); },
      StuckCommit::left);
}

}  // namespace grantd::storage::postgres
