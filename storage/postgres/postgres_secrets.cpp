#include <algorithm>

#include "storage/postgres/backend.h"
#include "storage/postgres/row.h"
#include "storage/rules.h"
#include "storage/verbs.h"

namespace grantd::storage::postgres {
namespace {

/// In the order of the keys: two nodes that write the same ones must not wait for each other.
constexpr std::string_view move_last_use =
    "WITH used AS (SELECT secret_id, max(at) AS at"
    " FROM unnest($1::text[], $2::bigint[]) AS list (secret_id, at) GROUP BY secret_id),"
    " locked AS (SELECT client_secret.secret_id FROM client_secret JOIN used"
    " ON used.secret_id = client_secret.secret_id"
    " WHERE client_secret.last_used_at IS NULL OR client_secret.last_used_at < used.at"
    " ORDER BY client_secret.secret_id FOR UPDATE OF client_secret)"
    " UPDATE client_secret SET last_used_at = used.at FROM used, locked"
    " WHERE client_secret.secret_id = locked.secret_id AND used.secret_id = locked.secret_id"
    " AND (client_secret.last_used_at IS NULL OR client_secret.last_used_at < used.at)";

/// Of last-used times, so that no statement takes long.
constexpr std::size_t uses_a_statement = 2000;

}  // namespace

bool has_secret(Connection& connection, std::string_view secret_id) {
  return !connection.query("SELECT 1 FROM client_secret WHERE secret_id = $1", secret_id).empty();
}

void insert_secret(Connection& connection, std::string_view client_id, const SecretRecord& secret) {
  // Where all ten places are taken there is none, which its column does not allow.
  connection.run(
      "INSERT INTO client_secret (secret_id, client_id, place, label, pepper_id, digest, imported,"
      " created_at, expires_at, last_used_at)"
      " SELECT $1::text, $2::text, (SELECT min(place) FROM generate_series(1, 10) AS free (place)"
      " WHERE NOT EXISTS (SELECT 1 FROM client_secret AS taken"
      " WHERE taken.client_id = $2 AND taken.place = free.place)),"
      " $3::text, $4::text, $5::bytea, $6::smallint, $7::bigint, $8::bigint, $9::bigint",
      secret.secret_id, client_id, secret.label, secret.pepper_id, secret.digest, secret.imported,
      secret.created_at, secret.expires_at, secret.last_used_at);
}

void delete_secret(Connection& connection, std::string_view secret_id) {
  connection.run("DELETE FROM client_secret WHERE secret_id = $1", secret_id);
}

StoreResult<void> Backend::add_secret(std::string_view client_id, const SecretRecord& secret,
                                      std::string_view actor) {
  return database_->write_in_order([&](Connection& connection) {
    return verbs::add_secret(connection, client_id, secret, actor);
  });
}

StoreResult<void> Backend::remove_secret(
    std::string_view client_id, std::string_view secret_id,
    const std::function<std::expected<void, std::string>(const ClientWithSecrets&)>& decide,
    sys_seconds now, std::string_view actor) {
  return database_->write_in_order([&](Connection& connection) {
    return verbs::remove_secret(connection, client_id, secret_id, decide, now, actor);
  });
}

StoreResult<void> Backend::record_secret_uses(const std::vector<SecretUse>& uses) {
  for (std::size_t begin = 0; begin < uses.size(); begin += uses_a_statement) {
    const auto end = std::min(begin + uses_a_statement, uses.size());
    std::vector<std::string> ids;
    std::vector<sys_seconds> times;
    for (std::size_t i = begin; i < end; ++i) {
      ids.push_back(uses[i].secret_id);
      times.push_back(uses[i].at);
    }
    auto written = database_->write([&](Connection& connection) -> StoreResult<void> {
      connection.run(move_last_use, ids, times);
      return {};
    });
    if (!written) return written;
  }
  return {};
}

StoreResult<std::vector<PepperCheck>> Backend::peppers_in_use() {
  return database_->read_one([](Connection& connection) -> StoreResult<std::vector<PepperCheck>> {
    return read_all(
        connection.query(
            "SELECT id, check_mac FROM pepper WHERE EXISTS"
            " (SELECT 1 FROM client_secret WHERE client_secret.pepper_id = pepper.id) ORDER BY id"),
        [](const Row& row) { return PepperCheck{row.string(0), row.digest(1)}; });
  });
}

StoreResult<void> Backend::register_pepper(const PepperCheck& pepper, sys_seconds now) {
  return database_->write([&](Connection& connection) -> StoreResult<void> {
    // Waits for another process that is about to store the same id.
    connection.run(
        "INSERT INTO pepper (id, check_mac, created_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (id) DO NOTHING",
        pepper.pepper_id, pepper.check, now);
    const auto known =
        connection.query("SELECT check_mac FROM pepper WHERE id = $1", pepper.pepper_id);
    if (known.empty() || known.digest(0, 0) != pepper.check) {
      return pepper_exists(pepper.pepper_id);
    }
    return {};
  });
}

}  // namespace grantd::storage::postgres
