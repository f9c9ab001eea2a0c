#include <string>
#include <vector>

#include "storage/sqlite/backend.h"
#include "storage/verbs.h"

namespace grantd::storage::sqlite {
namespace {

/// With the seq of the change that follows in the same transaction: no other can come between.
void put_revocation(Connection& connection, const Revocation& revocation, sys_seconds now,
                    std::string_view actor) {
  connection.run(
      "INSERT INTO revocation (jti, expires_at, seq)"
      " VALUES (?, ?, (SELECT value + 1 FROM counter WHERE name = 'change'))"
      " ON CONFLICT (jti) DO UPDATE SET expires_at = excluded.expires_at, seq = excluded.seq"
      " WHERE excluded.expires_at > expires_at",
      revocation.jti, revocation.expires_at);
  if (connection.changes() > 0) {
    append_change(connection, ChangeKind::token_revoked, revocation.jti, now, actor);
  }
}

}  // namespace

bool put_not_before(Connection& connection, const NotBefore& not_before) {
  connection.run(
      "INSERT INTO not_before (client_id, at, expires_at, seq)"
      " VALUES (?, ?, ?, (SELECT value + 1 FROM counter WHERE name = 'change'))"
      " ON CONFLICT (client_id) DO UPDATE SET at = max(at, excluded.at),"
      " expires_at = max(expires_at, excluded.expires_at), seq = excluded.seq"
      " WHERE excluded.at > at OR excluded.expires_at > expires_at",
      not_before.client_id, not_before.at, not_before.expires_at);
  return connection.changes() > 0;
}

StoreResult<void> Backend::revoke(const Revocation& revocation, sys_seconds now,
                                  std::string_view actor) {
  const StoreResult<void> interrupted =
      std::unexpected(StoreError{StoreErrorCode::unavailable, "the commit was interrupted"});
  return revoking_.settle(
      revoking_.add({revocation, now, std::string(actor)}),
      [this](const std::vector<PendingRevocation>& group) {
        return database_->write([&](Connection& connection) -> StoreResult<void> {
          for (const PendingRevocation& each : group) {
            put_revocation(connection, each.revocation, each.now, each.actor);
          }
          return {};
        });
      },
      interrupted);
}

StoreResult<void> Backend::set_not_before(const NotBefore& not_before, std::string_view actor) {
  return database_->write(
      [&](Connection& connection) { return verbs::set_not_before(connection, not_before, actor); });
}

StoreResult<void> Backend::load_revocations(sys_seconds now,
                                            const std::function<void(const Revocation&)>& each) {
  return database_->read([&](Connection& connection) -> StoreResult<void> {
    auto rows =
        connection.query("SELECT jti, expires_at FROM revocation WHERE expires_at > ?", now);
    Revocation revocation;  // one for all rows: a million of them are read at a start
    while (rows.step()) {
      revocation.jti = rows.text(0);
      revocation.expires_at = rows.time(1);
      each(revocation);
    }
    return {};
  });
}

StoreResult<std::vector<NotBefore>> Backend::load_not_before(sys_seconds now) {
  return database_->read([&](Connection& connection) -> StoreResult<std::vector<NotBefore>> {
    std::vector<NotBefore> all;
    auto rows = connection.query(
        "SELECT client_id, at, expires_at FROM not_before WHERE expires_at > ?", now);
    while (rows.step()) all.push_back({rows.string(0), rows.time(1), rows.time(2)});
    return all;
  });
}

StoreResult<std::optional<Revocation>> Backend::find_revocation(std::string_view jti) {
  return database_->read([&](Connection& connection) -> StoreResult<std::optional<Revocation>> {
    auto row = connection.query("SELECT jti, expires_at FROM revocation WHERE jti = ?", jti);
    if (!row.step()) return std::nullopt;
    return Revocation{row.string(0), row.time(1)};
  });
}

StoreResult<std::size_t> Backend::sweep_revocations(sys_seconds now, std::size_t max_rows) {
  return database_->write([&](Connection& connection) -> StoreResult<std::size_t> {
    connection.run(
        "DELETE FROM revocation WHERE jti IN"
        " (SELECT jti FROM revocation WHERE expires_at <= ? LIMIT ?)",
        now, static_cast<std::int64_t>(max_rows));
    const std::size_t revocations = connection.changes();
    connection.run(
        "DELETE FROM not_before WHERE client_id IN"
        " (SELECT client_id FROM not_before WHERE expires_at <= ? LIMIT ?)",
        now, static_cast<std::int64_t>(max_rows - revocations));
    return revocations + connection.changes();
  });
}

}  // namespace grantd::storage::sqlite
