#include "storage/names.h"
#include "storage/postgres/backend.h"
#include "storage/postgres/row.h"
#include "storage/rules.h"

namespace grantd::storage::postgres {
namespace {

/// Everything that a poll needs, in one moment and one round trip: every row of the page behind
/// what is the same in all, and one row where the page is empty.
constexpr std::string_view page_after =
    "SELECT counter.value, (SELECT min(seq) FROM change),"
    " (SELECT nonce FROM change WHERE seq = $1),"
    " page.seq, page.kind, page.id, page.at, page.actor, page.nonce"
    " FROM counter LEFT JOIN (SELECT seq, kind, id, at, actor, nonce FROM change"
    " WHERE seq > $1 ORDER BY seq LIMIT $2) AS page ON TRUE"
    " WHERE counter.name = 'change' ORDER BY page.seq";

/// From the oldest on, not by time: a clock that was set back must leave no hole that a reader
/// could fall into unawares.
constexpr std::string_view delete_oldest =
    "WITH oldest AS (SELECT seq, at FROM change"
    " WHERE seq < (SELECT value FROM counter WHERE name = 'change') ORDER BY seq LIMIT $2)"
    " DELETE FROM change WHERE seq < coalesce((SELECT min(seq) FROM oldest WHERE at >= $1),"
    " (SELECT max(seq) + 1 FROM oldest))";

struct Reading {
  ChangeStore::Page page{};
  std::string nonce_at_cursor{};  // empty where the row is not there (any more)
  std::string last_nonce{};
};

Reading read_page(const Rows& rows, std::int64_t after) {
  if (rows.empty()) {
    throw Failure(Failure::Kind::answered, "", "the counter 'change' is missing");
  }
  Reading reading;
  const Row head(rows, 0);
  std::optional<std::int64_t> oldest;
  if (!head.is_null(1)) oldest = head.integer(1);
  reading.page.gap = is_gap(after, head.integer(0), oldest);
  reading.nonce_at_cursor = head.string(2);
  if (head.is_null(3)) return reading;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row row(rows, i, 3);
    const auto kind = change_kind(row.text(1));
    if (!kind) {
      // Written by a newer grantd: whatever it changed, loading everything anew sees it.
      reading.page.gap = true;
      continue;
    }
    reading.page.changes.push_back(
        {row.integer(0), *kind, row.string(2), row.time(3), row.string(4)});
    reading.last_nonce = row.string(5);
  }
  return reading;
}

}  // namespace

std::int64_t append_change(Connection& connection, ChangeKind kind, std::string_view id,
                           sys_seconds at, std::string_view actor) {
  const auto rows = connection.query(
      "WITH next AS (UPDATE counter SET value = value + 1 WHERE name = 'change' RETURNING value)"
      " INSERT INTO change (seq, kind, id, at, actor)"
      " SELECT value, $1::text, $2::text, $3::bigint, $4::text FROM next RETURNING seq",
      name(kind), id, at, actor);
  if (rows.empty()) {
    throw Failure(Failure::Kind::answered, "", "the counter 'change' is missing");
  }
  return rows.integer(0, 0);
}

StoreResult<std::int64_t> Backend::newest_change() {
  const auto newest = database_->read_one([](Connection& connection) -> StoreResult<ToldChange> {
    const auto rows = connection.query(
        "SELECT counter.value, change.nonce FROM counter"
        " LEFT JOIN change ON change.seq = counter.value WHERE counter.name = 'change'");
    if (rows.empty()) return ToldChange{};
    return ToldChange{rows.integer(0, 0), rows.string(0, 1)};
  });
  if (!newest) return std::unexpected(newest.error());
  const std::lock_guard lock(told_mutex_);
  told_newest_ = *newest;
  return newest->seq;
}

bool Backend::take_replaced(std::int64_t seq, std::string_view nonce) {
  bool replaced = false;
  for (ToldChange* told : {&told_last_, &told_newest_}) {
    if (told->seq != seq || told->nonce.empty() || nonce.empty() || told->nonce == nonce) continue;
    replaced = true;
    *told = {};
  }
  return replaced;
}

StoreResult<ChangeStore::Page> Backend::changes_after(std::int64_t after, std::size_t max_rows) {
  auto reading = database_->read_one([&](Connection& connection) -> StoreResult<Reading> {
    return read_page(connection.query(page_after, after, static_cast<std::int64_t>(max_rows)),
                     after);
  });
  if (!reading) return std::unexpected(reading.error());
  Page& page = reading->page;
  const std::lock_guard lock(told_mutex_);
  if (take_replaced(after, reading->nonce_at_cursor)) page.gap = true;
  if (!page.changes.empty()) {
    told_last_ = {page.changes.back().seq, std::move(reading->last_nonce)};
  }
  return std::move(page);
}

StoreResult<std::size_t> Backend::sweep_changes(sys_seconds before, std::size_t max_rows) {
  return database_->write([&](Connection& connection) -> StoreResult<std::size_t> {
    return connection.run(delete_oldest, before, static_cast<std::int64_t>(max_rows));
  });
}

}  // namespace grantd::storage::postgres
