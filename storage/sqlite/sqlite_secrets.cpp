#include "storage/record_rows.h"
#include "storage/rules.h"
#include "storage/sqlite/backend.h"
#include "storage/verbs.h"

namespace grantd::storage::sqlite {

std::vector<SecretRecord> load_secrets(Connection& connection, std::string_view client_id) {
  std::vector<SecretRecord> secrets;
  auto rows = connection.query(
      "SELECT secret_id, label, pepper_id, digest, imported, created_at, expires_at, last_used_at"
      " FROM client_secret WHERE client_id = ? ORDER BY created_at, secret_id",
      client_id);
  while (rows.step()) secrets.push_back(read_secret(rows));
  return secrets;
}

bool has_secret(Connection& connection, std::string_view secret_id) {
  return connection.query("SELECT 1 FROM client_secret WHERE secret_id = ?", secret_id).step();
}

void insert_secret(Connection& connection, std::string_view client_id, const SecretRecord& secret) {
  connection.run(
      "INSERT INTO client_secret (secret_id, client_id, label, pepper_id, digest, imported,"
      " created_at, expires_at, last_used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      secret.secret_id, client_id, secret.label, secret.pepper_id, secret.digest, secret.imported,
      secret.created_at, secret.expires_at, secret.last_used_at);
}

void delete_secret(Connection& connection, std::string_view secret_id) {
  connection.run("DELETE FROM client_secret WHERE secret_id = ?", secret_id);
}

StoreResult<void> Backend::add_secret(std::string_view client_id, const SecretRecord& secret,
                                      std::string_view actor) {
  return database_->write([&](Connection& connection) {
    return verbs::add_secret(connection, client_id, secret, actor);
  });
}

StoreResult<void> Backend::remove_secret(
    std::string_view client_id, std::string_view secret_id,
    const std::function<std::expected<void, std::string>(const ClientWithSecrets&)>& decide,
    sys_seconds now, std::string_view actor) {
  return database_->write([&](Connection& connection) {
    return verbs::remove_secret(connection, client_id, secret_id, decide, now, actor);
  });
}

StoreResult<void> Backend::record_secret_uses(const std::vector<SecretUse>& uses) {
  if (uses.empty()) return {};
  return database_->write([&](Connection& connection) -> StoreResult<void> {
    for (const SecretUse& use : uses) {
      connection.run(
          "UPDATE client_secret SET last_used_at = ?1"
          " WHERE secret_id = ?2 AND (last_used_at IS NULL OR last_used_at < ?1)",
          use.at, use.secret_id);
    }
    return {};
  });
}

StoreResult<std::vector<PepperCheck>> Backend::peppers_in_use() {
  return database_->read([](Connection& connection) -> StoreResult<std::vector<PepperCheck>> {
    std::vector<PepperCheck> peppers;
    auto rows = connection.query(
        "SELECT id, check_mac FROM pepper WHERE EXISTS"
        " (SELECT 1 FROM client_secret WHERE client_secret.pepper_id = pepper.id) ORDER BY id");
    while (rows.step()) peppers.push_back({rows.string(0), rows.digest(1)});
    return peppers;
  });
}

StoreResult<void> Backend::register_pepper(const PepperCheck& pepper, sys_seconds now) {
  return database_->write([&](Connection& connection) -> StoreResult<void> {
    auto known = connection.query("SELECT check_mac FROM pepper WHERE id = ?", pepper.pepper_id);
    if (!known.step()) {
      connection.run("INSERT INTO pepper (id, check_mac, created_at) VALUES (?, ?, ?)",
                     pepper.pepper_id, pepper.check, now);
      return {};
    }
    if (known.digest(0) == pepper.check) return {};
    return pepper_exists(pepper.pepper_id);
  });
}

}  // namespace grantd::storage::sqlite
