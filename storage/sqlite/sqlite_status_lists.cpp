#include <algorithm>

#include "storage/record_rows.h"
#include "storage/sqlite/backend.h"

namespace grantd::storage::sqlite {
namespace {

struct OpenList {
  std::int64_t id{0};
  std::int64_t capacity{0};
  std::int64_t next_index{0};
};

/// The oldest list of that window that has room.
std::optional<OpenList> find_open_list(Connection& connection, sys_seconds expires_at) {
  auto row = connection.query(
      "SELECT list_id, capacity, next_index FROM status_list"
      " WHERE expires_at = ? AND next_index < capacity ORDER BY list_id LIMIT 1",
      expires_at);
  if (!row.step()) return std::nullopt;
  return OpenList{row.integer(0), row.integer(1), row.integer(2)};
}

OpenList make_list(Connection& connection, sys_seconds expires_at, std::uint32_t capacity) {
  OpenList list{0, std::int64_t{capacity}, 0};
  {
    auto next = connection.query(
        "UPDATE counter SET value = value + 1 WHERE name = 'status_list' RETURNING value");
    if (!next.step()) throw Failure(SQLITE_CORRUPT, "the counter 'status_list' is missing");
    list.id = next.integer(0);
    next.step();
  }
  connection.run(
      "INSERT INTO status_list (list_id, expires_at, capacity, next_index) VALUES (?, ?, ?, 0)",
      list.id, expires_at, list.capacity);
  return list;
}

}  // namespace

StoreResult<StatusBlock> Backend::reserve_status_block(sys_seconds expires_at,
                                                       std::uint32_t capacity,
                                                       std::uint32_t count) {
  return database_->write([&](Connection& connection) -> StoreResult<StatusBlock> {
    auto list = find_open_list(connection, expires_at);
    if (!list) list = make_list(connection, expires_at, capacity);
    const auto end = std::min(list->next_index + std::int64_t{count}, list->capacity);
    connection.run("UPDATE status_list SET next_index = ? WHERE list_id = ?", end, list->id);
    return StatusBlock{
        {static_cast<std::uint64_t>(list->id), expires_at,
         static_cast<std::uint32_t>(list->capacity), static_cast<std::uint32_t>(end)},
        static_cast<std::uint32_t>(list->next_index)};
  });
}

StoreResult<std::vector<StatusList>> Backend::live_status_lists(sys_seconds now) {
  return database_->read([&](Connection& connection) -> StoreResult<std::vector<StatusList>> {
    std::vector<StatusList> lists;
    auto rows = connection.query(
        "SELECT list_id, expires_at, capacity, next_index FROM status_list"
        " WHERE expires_at > ? ORDER BY list_id",
        now);
    while (rows.step()) lists.push_back(read_status_list(rows));
    return lists;
  });
}

StoreResult<std::optional<StatusList>> Backend::find_status_list(std::uint64_t id) {
  return database_->read([&](Connection& connection) -> StoreResult<std::optional<StatusList>> {
    if (!std::in_range<std::int64_t>(id)) return std::nullopt;
    auto row = connection.query(
        "SELECT list_id, expires_at, capacity, next_index FROM status_list WHERE list_id = ?",
        static_cast<std::int64_t>(id));
    if (!row.step()) return std::nullopt;
    return read_status_list(row);
  });
}

StoreResult<std::size_t> Backend::sweep_status_lists(sys_seconds now, std::size_t max_rows) {
  return database_->write([&](Connection& connection) -> StoreResult<std::size_t> {
    connection.run(
        "DELETE FROM status_list WHERE list_id IN"
        " (SELECT list_id FROM status_list WHERE expires_at <= ? LIMIT ?)",
        now, static_cast<std::int64_t>(max_rows));
    return connection.changes();
  });
}

}  // namespace grantd::storage::sqlite
