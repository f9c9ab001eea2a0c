#include <vector>

#include "storage/sqlite/backend.h"

namespace grantd::storage::sqlite {
namespace {

Cell cell_of(const Statement& statement, int column, ColumnType type) {
  if (statement.is_null(column)) return std::monostate{};
  if (type == ColumnType::integer) return statement.integer(column);
  return statement.text(column);
}

}  // namespace

/// In a transaction that writes nothing and lets nobody else write: what a command changed
/// meanwhile would be in the old database alone.
StoreResult<void> Backend::export_tables(const std::function<void(const Table&, Row)>& each) {
  return database_->write([&](Connection& connection) -> StoreResult<void> {
    for (const Table& table : copied_tables()) {
      std::vector<Cell> cells(table.columns.size());
      auto rows = connection.query(table.select);
      while (rows.step()) {
        for (std::size_t i = 0; i < cells.size(); ++i) {
          cells[i] = cell_of(rows, static_cast<int>(i), table.columns[i].type);
        }
        each(table, cells);
      }
    }
    return {};
  });
}

}  // namespace grantd::storage::sqlite
