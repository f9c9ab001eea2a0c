#include <algorithm>

#include "storage/names.h"
#include "storage/postgres/backend.h"
#include "storage/postgres/row.h"
#include "storage/record_rows.h"

namespace grantd::storage::postgres {
namespace {

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

/// In which order the keys of one update are written: those that leave make room for the one that
/// begins to sign, and that one for the next standby. The unique indexes look at every statement.
int rank(const KeyRecord& key) {
  constexpr int leaves = 0;
  constexpr int signs = 1;
  constexpr int waits = 2;
  if (key.retires_at || key.compromised) return leaves;
  return key.signing_since ? signs : waits;
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

void write_update(Connection& connection, const KeyStore::Update& update, sys_seconds now,
                  std::string_view actor) {
  std::vector<KeyRecord> ordered = update.put;
  std::ranges::stable_sort(ordered, {}, rank);
  for (const KeyRecord& key : ordered) put_key(connection, key);
  for (const KeyStore::WrappedKey& key : update.wrap) put_wrapped_key(connection, key);
  if (!update.destroy.empty()) {
    connection.run("DELETE FROM wrapped_key WHERE kid = ANY ($1::text[])", update.destroy);
  }
  for (const auto& [kind, kid] : update.changes) {
    const auto seq = append_change(connection, kind, kid, now, actor);
    if (kind != ChangeKind::key_compromised) continue;
    connection.run("UPDATE signing_key SET compromised_seq = $1 WHERE kid = $2", seq, kid);
  }
}

}  // namespace

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
  return database_->write_in_order(
      [&](Connection& connection) -> StoreResult<std::vector<KeyRecord>> {
        const auto decided = decide(read_keys(connection));
        if (!decided) return std::unexpected(StoreError{StoreErrorCode::refused, decided.error()});
        write_update(connection, *decided, now, actor);
        return read_keys(connection);
      });
}

}  // namespace grantd::storage::postgres
