#include "storage/names.h"
#include "storage/rules.h"
#include "storage/sqlite/backend.h"

namespace grantd::storage::sqlite {
namespace {

std::optional<std::int64_t> oldest_seq(Connection& connection) {
  auto oldest = connection.query("SELECT seq FROM change ORDER BY seq LIMIT 1");
  if (!oldest.step()) return std::nullopt;
  return oldest.integer(0);
}

}  // namespace

std::int64_t newest_seq(Connection& connection) {
  auto row = connection.query("SELECT value FROM counter WHERE name = 'change'");
  return row.step() ? row.integer(0) : 0;
}

void set_newest_seq(Connection& connection, std::int64_t seq) {
  connection.run("UPDATE counter SET value = ? WHERE name = 'change'", seq);
  if (connection.changes() == 0) throw Failure(SQLITE_CORRUPT, "the counter 'change' is missing");
}

void put_change(Connection& connection, std::int64_t seq, ChangeKind kind, std::string_view id,
                sys_seconds at, std::string_view actor) {
  connection.run("INSERT INTO change (seq, kind, id, at, actor) VALUES (?, ?, ?, ?, ?)", seq,
                 name(kind), id, at, actor);
}

std::int64_t append_change(Connection& connection, ChangeKind kind, std::string_view id,
                           sys_seconds at, std::string_view actor) {
  const auto seq = newest_seq(connection) + 1;
  set_newest_seq(connection, seq);
  put_change(connection, seq, kind, id, at, actor);
  return seq;
}

StoreResult<std::int64_t> Backend::newest_change() {
  return database_->read(
      [](Connection& connection) -> StoreResult<std::int64_t> { return newest_seq(connection); });
}

StoreResult<ChangeStore::Page> Backend::changes_after(std::int64_t after, std::size_t max_rows) {
  auto page = database_->read([&](Connection& connection) -> StoreResult<Page> {
    Page read;
    read.gap = is_gap(after, newest_seq(connection), oldest_seq(connection));
    auto rows = connection.query(
        "SELECT seq, kind, id, at, actor FROM change WHERE seq > ? ORDER BY seq LIMIT ?", after,
        static_cast<std::int64_t>(max_rows));
    while (rows.step()) {
      const auto kind = change_kind(rows.text(1));
      if (!kind) {
        // Written by a newer grantd: whatever it changed, loading everything anew sees it.
        read.gap = true;
        continue;
      }
      read.changes.push_back(
          {rows.integer(0), *kind, rows.string(2), rows.time(3), rows.string(4)});
    }
    return read;
  });
  // Of another database `after` says nothing.
  if (page && database_->take_replaced()) page->gap = true;
  return page;
}

StoreResult<std::size_t> Backend::sweep_changes(sys_seconds before, std::size_t max_rows) {
  return database_->write([&](Connection& connection) -> StoreResult<std::size_t> {
    std::int64_t last_old = 0;
    {
      // From the oldest on, not by time: a clock that was set back must leave no hole that a reader
      // could fall into unawares.
      auto rows = connection.query("SELECT seq, at FROM change WHERE seq < ? ORDER BY seq LIMIT ?",
                                   newest_seq(connection), static_cast<std::int64_t>(max_rows));
      while (rows.step() && rows.time(1) < before) last_old = rows.integer(0);
    }
    connection.run("DELETE FROM change WHERE seq <= ?", last_old);
    return connection.changes();
  });
}

}  // namespace grantd::storage::sqlite
