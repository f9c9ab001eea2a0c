#include <utility>

#include "storage/postgres/backend.h"
#include "storage/postgres/row.h"
#include "storage/record_rows.h"

namespace grantd::storage::postgres {
namespace {

/// Out of the oldest list of that window that has room. Who waits here for another process takes
/// what that one left over. The last column is where the block begins.
constexpr std::string_view take_block =
    "WITH chosen AS (SELECT list_id, next_index FROM status_list"
    " WHERE expires_at = $1 AND next_index < capacity ORDER BY list_id LIMIT 1 FOR UPDATE)"
    " UPDATE status_list SET next_index = least(status_list.next_index + $2, status_list.capacity)"
    " FROM chosen WHERE status_list.list_id = chosen.list_id"
    " RETURNING status_list.list_id, status_list.expires_at, status_list.capacity,"
    " status_list.next_index, chosen.next_index";

constexpr std::string_view make_list =
    "WITH next AS (UPDATE counter SET value = value + 1 WHERE name = 'status_list' RETURNING value)"
    " INSERT INTO status_list (list_id, expires_at, capacity, next_index)"
    " SELECT value, $1::bigint, $2::bigint, 0 FROM next";

constexpr std::string_view sweep_expired =
    "DELETE FROM status_list WHERE list_id = ANY (ARRAY("
    "SELECT list_id FROM status_list WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2"
    " FOR UPDATE SKIP LOCKED))";

std::optional<StatusBlock> find_block(Connection& connection, sys_seconds expires_at,
                                      std::uint32_t count) {
  const auto rows = connection.query(take_block, expires_at, std::int64_t{count});
  if (rows.empty()) return std::nullopt;
  return StatusBlock{read_status_list(Row(rows, 0)),
                     static_cast<std::uint32_t>(rows.integer(0, 4))};
}

}  // namespace

StoreResult<StatusBlock> Backend::reserve_status_block(sys_seconds expires_at,
                                                       std::uint32_t capacity,
                                                       std::uint32_t count) {
  return database_->write([&](Connection& connection) -> StoreResult<StatusBlock> {
    if (auto block = find_block(connection, expires_at, count)) return *block;
    // One process at a time makes a list; another may have made one while this one waited.
    connection.run("SELECT value FROM counter WHERE name = 'status_list' FOR UPDATE");
    if (auto block = find_block(connection, expires_at, count)) return *block;
    connection.run(make_list, expires_at, std::int64_t{capacity});
    auto block = find_block(connection, expires_at, count);
    if (!block) throw Failure(Failure::Kind::answered, "", "the counter 'status_list' is missing");
    return *block;
  });
}

StoreResult<std::vector<StatusList>> Backend::live_status_lists(sys_seconds now) {
  return database_->read_one([&](Connection& connection) -> StoreResult<std::vector<StatusList>> {
    return read_all(
        connection.query("SELECT list_id, expires_at, capacity, next_index FROM status_list"
                         " WHERE expires_at > $1 ORDER BY list_id",
                         now),
        [](const Row& row) { return read_status_list(row); });
  });
}

StoreResult<std::optional<StatusList>> Backend::find_status_list(std::uint64_t id) {
  if (!std::in_range<std::int64_t>(id)) return std::nullopt;
  return database_->read_one([&](Connection& connection) -> StoreResult<std::optional<StatusList>> {
    const auto rows = connection.query(
        "SELECT list_id, expires_at, capacity, next_index FROM status_list WHERE list_id = $1",
        static_cast<std::int64_t>(id));
    if (rows.empty()) return std::nullopt;
    return read_status_list(Row(rows, 0));
  });
}

StoreResult<std::size_t> Backend::sweep_status_lists(sys_seconds now, std::size_t max_rows) {
  return database_->write([&](Connection& connection) -> StoreResult<std::size_t> {
    return connection.run(sweep_expired, now, static_cast<std::int64_t>(max_rows));
  });
}

}  // namespace grantd::storage::postgres
