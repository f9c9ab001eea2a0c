#include <string>
#include <vector>

#include "storage/rules.h"
#include "storage/sqlite/backend.h"
#include "storage/verbs.h"

namespace grantd::storage::sqlite {
namespace {

/// Each with the seq of its change, counted from the counter on, which moves once at the end:
/// nobody else writes meanwhile.
void put_revocations(Connection& connection, const std::vector<PendingRevocation>& group) {
  const auto before = newest_seq(connection);
  auto seq = before;
  for (const PendingRevocation& each : group) {
    connection.run(
        "INSERT INTO revocation (jti, expires_at, seq) VALUES (?, ?, ?)"
        " ON CONFLICT (jti) DO UPDATE SET expires_at = excluded.expires_at, seq = excluded.seq"
        " WHERE excluded.expires_at > expires_at",
        each.revocation.jti, each.revocation.expires_at, seq + 1);
    if (connection.changes() == 0) continue;
    put_change(connection, ++seq, ChangeKind::token_revoked, each.revocation.jti, each.now,
               each.actor);
  }
  if (seq != before) set_newest_seq(connection, seq);
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

StoreResult<void> Backend::revoke_all(std::span<const PendingRevocation> group) {
  const auto asked = each_jti_once(group);
  return database_->write([&](Connection& connection) -> StoreResult<void> {
    put_revocations(connection, asked);
    return {};
  });
}

StoreResult<void> Backend::set_not_before(const NotBefore& not_before, std::string_view actor) {
  return database_->write(
      [&](Connection& connection) { return verbs::set_not_before(connection, not_before, actor); });
}

StoreResult<void> Backend::load_revocations(sys_seconds now,
                                            const std::function<void(const Revocation&)>& each) {
  return database_->read([&](Connection& connection) -> StoreResult<void> {
    // In the order of the jtis, so by the table itself rather than by an index: whoever keeps them
    // by jti in memory then fills one piece of it after the other.
    auto rows = connection.query(
        "SELECT jti, expires_at FROM revocation WHERE expires_at > ? ORDER BY jti", now);
    Revocation revocation;  // one for all rows: a million of them are read at a start
    while (rows.step()) {
      revocation.jti = rows.text(0);
      revocation.expires_at = rows.time(1);
      each(revocation);
    }
    return {};
  });
}

StoreResult<std::size_t> Backend::count_revocations() {
  return database_->read([](Connection& connection) -> StoreResult<std::size_t> {
    auto row = connection.query("SELECT count(*) FROM revocation");
    return row.step() ? static_cast<std::size_t>(row.integer(0)) : 0;
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
