#include <string>
#include <utility>
#include <vector>

#include "storage/names.h"
#include "storage/postgres/backend.h"
#include "storage/postgres/row.h"
#include "storage/rules.h"
#include "storage/verbs.h"

namespace grantd::storage::postgres {
namespace {

/// A whole group in one round trip: finds those that move, gives them the next numbers in the
/// group's order, stores each with its number, and appends their changes. Nobody else moves an
/// entry meanwhile: the counter is locked.
constexpr std::string_view put_revocations =
    "WITH asked AS (SELECT jti, expires_at, at, actor, place"
    " FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[]) WITH ORDINALITY"
    " AS list (jti, expires_at, at, actor, place)),"
    " moved AS (SELECT asked.jti, asked.expires_at, asked.at, asked.actor,"
    " row_number() OVER (ORDER BY asked.place) AS number"
    " FROM asked LEFT JOIN revocation ON revocation.jti = asked.jti"
    " WHERE revocation.jti IS NULL OR revocation.expires_at < asked.expires_at),"
    " counted AS (UPDATE counter SET value = value + (SELECT count(*) FROM moved)"
    " WHERE name = 'change' AND EXISTS (SELECT 1 FROM moved)"
    " RETURNING value - (SELECT count(*) FROM moved) AS before),"
    " stored AS (INSERT INTO revocation (jti, expires_at, seq)"
    " SELECT moved.jti, moved.expires_at, counted.before + moved.number FROM moved, counted"
    " ON CONFLICT (jti) DO UPDATE SET expires_at = excluded.expires_at, seq = excluded.seq)"
    " INSERT INTO change (seq, kind, id, at, actor)"
    " SELECT counted.before + moved.number, $5::text, moved.jti, moved.at, moved.actor"
    " FROM moved, counted";

// Here and in the other sweeps: those of several nodes pass one another by (SKIP LOCKED), and an
// entry that is just being prolonged is left alone. An array, because its rows are looked up by the
// index whatever number the planner expects.
constexpr std::string_view sweep_expired_revocations =
    "DELETE FROM revocation WHERE jti = ANY (ARRAY("
    "SELECT jti FROM revocation WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2"
    " FOR UPDATE SKIP LOCKED))";
constexpr std::string_view sweep_expired_not_before =
    "DELETE FROM not_before WHERE client_id = ANY (ARRAY("
    "SELECT client_id FROM not_before WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2"
    " FOR UPDATE SKIP LOCKED))";

/// A group as the columns of `put_revocations`.
class Columns {
 public:
  explicit Columns(std::vector<PendingRevocation> group) {
    for (PendingRevocation& each : group) {
      jtis_.push_back(std::move(each.revocation.jti));
      expiries_.push_back(each.revocation.expires_at);
      times_.push_back(each.now);
      actors_.push_back(std::move(each.actor));
    }
  }

  void put(Connection& connection) const {
    connection.run(put_revocations, jtis_, expiries_, times_, actors_,
                   name(ChangeKind::token_revoked));
  }

 private:
  std::vector<std::string> jtis_;
  std::vector<sys_seconds> expiries_;
  std::vector<sys_seconds> times_;
  std::vector<std::string> actors_;
};

}  // namespace

bool put_not_before(Connection& connection, const NotBefore& not_before) {
  return connection.run(
             "INSERT INTO not_before (client_id, at, expires_at, seq)"
             " VALUES ($1, $2, $3, (SELECT value + 1 FROM counter WHERE name = 'change'))"
             " ON CONFLICT (client_id) DO UPDATE SET at = greatest(not_before.at, excluded.at),"
             " expires_at = greatest(not_before.expires_at, excluded.expires_at),"
             " seq = excluded.seq"
             " WHERE excluded.at > not_before.at OR excluded.expires_at > not_before.expires_at",
             not_before.client_id, not_before.at, not_before.expires_at) > 0;
}

StoreResult<void> Backend::revoke_all(std::span<const PendingRevocation> group) {
  const Columns columns(each_jti_once(group));
  return database_->write_in_order([&](Connection& connection) -> StoreResult<void> {
    columns.put(connection);
    return {};
  });
}

StoreResult<void> Backend::set_not_before(const NotBefore& not_before, std::string_view actor) {
  return database_->write_in_order(
      [&](Connection& connection) { return verbs::set_not_before(connection, not_before, actor); });
}

StoreResult<void> Backend::load_revocations(sys_seconds now,
                                            const std::function<void(const Revocation&)>& each) {
  return database_->read([&](Connection& connection) -> StoreResult<void> {
    Revocation revocation;  // one for all rows: a million of them are read at a start
    connection.each_row(
        "SELECT jti, expires_at FROM revocation WHERE expires_at > $1",
        [&](const Rows& rows, std::size_t row) {
          revocation.jti = rows.text(row, 0);
          revocation.expires_at = rows.time(row, 1);
          each(revocation);
        },
        now);
    return {};
  });
}

StoreResult<std::size_t> Backend::count_revocations() {
  return database_->read_one([](Connection& connection) -> StoreResult<std::size_t> {
    const auto rows = connection.query("SELECT count(*) FROM revocation");
    return static_cast<std::size_t>(rows.integer(0, 0));
  });
}

StoreResult<std::vector<NotBefore>> Backend::load_not_before(sys_seconds now) {
  return database_->read_one([&](Connection& connection) -> StoreResult<std::vector<NotBefore>> {
    return read_all(
        connection.query("SELECT client_id, at, expires_at FROM not_before WHERE expires_at > $1",
                         now),
        [](const Row& row) { return NotBefore{row.string(0), row.time(1), row.time(2)}; });
  });
}

StoreResult<std::optional<Revocation>> Backend::find_revocation(std::string_view jti) {
  return database_->read_one([&](Connection& connection) -> StoreResult<std::optional<Revocation>> {
    const auto rows =
        connection.query("SELECT jti, expires_at FROM revocation WHERE jti = $1", jti);
    if (rows.empty()) return std::nullopt;
    return Revocation{rows.string(0, 0), rows.time(0, 1)};
  });
}

StoreResult<std::size_t> Backend::sweep_revocations(sys_seconds now, std::size_t max_rows) {
  return database_->write([&](Connection& connection) -> StoreResult<std::size_t> {
    const std::size_t revocations =
        connection.run(sweep_expired_revocations, now, static_cast<std::int64_t>(max_rows));
    return revocations + connection.run(sweep_expired_not_before, now,
                                        static_cast<std::int64_t>(max_rows - revocations));
  });
}

}  // namespace grantd::storage::postgres
