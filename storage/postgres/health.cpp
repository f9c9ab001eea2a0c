#include "storage/postgres/health.h"

#include <chrono>

namespace grantd::storage::postgres {

WallTime read_clock(Connection& connection) {
  const Rows rows =
      connection.query("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
  return WallTime{std::chrono::microseconds{rows.integer(0, 0)}};
}

std::vector<std::string> durability_warnings(Connection& connection) {
  // The session's own synchronous_commit was raised: reset_val is what the server gave it.
  const Rows rows = connection.query(
      "SELECT coalesce(current_setting('synchronous_standby_names', true), ''),"
      " coalesce((SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'), 'on'),"
      " coalesce(current_setting('fsync', true), 'on'),"
      " coalesce(current_setting('full_page_writes', true), 'on')");
  std::vector<std::string> warnings;
  if (rows.text(0, 0).empty()) {
    warnings.emplace_back(
        "synchronous_standby_names is empty: no standby confirms what is acknowledged, so a "
        "failover"
        " loses the last changes and revocations, and tokens that were revoked are valid again");
  }
  if (const std::string level = rows.string(0, 1); level != "on" && level != "remote_apply") {
    warnings.push_back("synchronous_commit is " + level +
                       " on the server: grantd's own sessions use on; other writers to this"
                       " database can lose what was acknowledged");
  }
  if (rows.text(0, 2) != "on") {
    warnings.emplace_back("fsync is off: a crash of the server can destroy the database");
  }
  if (rows.text(0, 3) != "on") {
    warnings.emplace_back("full_page_writes is off: a crash of the server can damage the database");
  }
  return warnings;
}

}  // namespace grantd::storage::postgres
