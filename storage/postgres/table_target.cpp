#include "storage/postgres/table_target.h"

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/hex.h"
#include "storage/postgres/database.h"
#include "storage/postgres/hosts.h"

namespace grantd::storage::postgres {
namespace {

/// What goes in one statement, whichever is reached first.
constexpr std::size_t max_batch_rows = 4096;
constexpr std::size_t max_batch_bytes = std::size_t{1024} * 1024;

constexpr std::string_view secret_table = "client_secret";

std::string_view array_type(ColumnType type) {
  switch (type) {
    case ColumnType::integer:
      return "bigint[]";
    case ColumnType::text:
      return "text[]";
    case ColumnType::octets:
      return "bytea[]";
  }
  std::unreachable();
}

/// INSERT of an array a column; `client_secret.place` is the last where it is the table.
std::string make_insert(const Table& table) {
  std::string names;
  std::string arrays;
  std::size_t count = 0;
  const auto add = [&](std::string_view name, ColumnType type) {
    const std::string comma = count == 0 ? "" : ", ";
    names.append(comma).append(name);
    arrays.append(comma + "$" + std::to_string(++count) + "::").append(array_type(type));
  };
  for (const Column& column : table.columns) add(column.name, column.type);
  if (table.name == secret_table) add("place", ColumnType::integer);
  auto insert = "INSERT INTO " + std::string(table.name) + " (" + names +
                ") SELECT * FROM unnest(" + arrays + ")";
  // The migrations put the counters there.
  if (table.name == "counter") insert += " ON CONFLICT (name) DO UPDATE SET value = excluded.value";
  return insert;
}

/// They live as long as the process: a connection knows its statements by their text.
std::string_view insert_into(const Table& table) {
  static const auto inserts = [] {
    std::map<std::string_view, std::string> made;
    for (const Table& each : copied_tables()) made.emplace(each.name, make_insert(each));
    return made;
  }();
  return inserts.at(table.name);
}

/// The text form of an array under way: "{1,2", "{\"a\",NULL".
void append_element(std::string& array, const Cell& cell, ColumnType type) {
  array.push_back(array.empty() ? '{' : ',');
  if (const auto* number = std::get_if<std::int64_t>(&cell)) {
    array += std::to_string(*number);
    return;
  }
  const auto* content = std::get_if<std::string_view>(&cell);
  if (content == nullptr) {
    array += "NULL";
    return;
  }
  array.push_back('"');
  if (type == ColumnType::octets) {
    array += R"(\\x)";
    append_hex(array, *content);
  } else {
    for (const char c : *content) {
      if (c == '"' || c == '\\') array.push_back('\\');
      array.push_back(c);
    }
  }
  array.push_back('"');
}

class Inserts final : public TableTarget::Filling {
 public:
  explicit Inserts(Connection& connection) : connection_(connection) {}

  void put(const Table& table, Row row) override {
    if (table_ != &table) begin(table);
    for (std::size_t column = 0; column < row.size(); ++column) {
      const auto before = arrays_[column].size();
      append_element(arrays_[column], row[column], table.columns[column].type);
      bytes_ += arrays_[column].size() - before;
    }
    if (table.name == secret_table) {
      append_element(arrays_.back(), place_of(std::get<std::string_view>(row.front())),
                     ColumnType::integer);
    }
    if (++rows_ == max_batch_rows || bytes_ >= max_batch_bytes) flush();
  }

  void read_back(const Table& table, const std::function<void(Row)>& each) override {
    flush();
    std::vector<Cell> cells(table.columns.size());
    std::vector<std::string> octets(table.columns.size());
    connection_.each_row(table.select, [&](const Rows& rows, std::size_t row) {
      for (std::size_t column = 0; column < cells.size(); ++column) {
        cells[column] = cell_of(rows, row, column, table.columns[column].type, octets[column]);
      }
      each(cells);
    });
  }

  void flush() {
    if (rows_ == 0) return;
    try {
      Parameters arguments;
      for (const std::string& array : arrays_) arguments.add(array + '}');
      connection_.query_with(insert_into(*table_), arguments);
    } catch (const Failure& failure) {
      throw Failure(failure.kind(), failure.sqlstate(),
                    "table " + std::string(table_->name) + ": " + failure.what());
    }
    for (std::string& array : arrays_) array.clear();
    rows_ = 0;
    bytes_ = 0;
  }

 private:
  void begin(const Table& table) {
    flush();
    table_ = &table;
    arrays_.assign(table.columns.size() + (table.name == secret_table ? 1 : 0), {});
  }

  /// The secrets of a client come one after the other.
  std::int64_t place_of(std::string_view client_id) {
    if (client_id != client_) place_ = 0;
    client_ = client_id;
    return ++place_;
  }

  static Cell cell_of(const Rows& rows, std::size_t row, std::size_t column, ColumnType type,
                      std::string& octets) {
    if (rows.is_null(row, column)) return std::monostate{};
    switch (type) {
      case ColumnType::integer:
        return rows.integer(row, column);
      case ColumnType::text:
        return rows.text(row, column);
      case ColumnType::octets:
        octets = rows.octets(row, column);
        return std::string_view(octets);
    }
    std::unreachable();
  }

  Connection& connection_;
  const Table* table_{nullptr};
  std::vector<std::string> arrays_;  // one a column
  std::size_t rows_{0};
  std::size_t bytes_{0};
  std::string client_;
  std::int64_t place_{0};
};

/// A table that holds more than what the migrations put there.
std::optional<std::string> table_in_use(Connection& connection) {
  for (const Table& table : copied_tables()) {
    auto select = "SELECT 1 FROM " + std::string(table.name);
    if (table.name == "counter") select += " WHERE value <> 0";
    if (!connection.execute(select + " LIMIT 1").empty()) return std::string(table.name);
  }
  return std::nullopt;
}

class Target final : public TableTarget {
 public:
  explicit Target(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  StoreResult<void> fill_empty(
      const std::function<StoreResult<void>(TableTarget::Filling&)>& fill) override {
    return database_->write_in_order([&](Connection& connection) -> StoreResult<void> {
      connection.allow(copy_statement_timeout);
      if (const auto table = table_in_use(connection)) {
        return std::unexpected(StoreError{
            StoreErrorCode::refused, "the database is not empty: table " + *table + " has rows"});
      }
      Inserts filling(connection);
      auto filled = fill(filling);
      if (filled) filling.flush();
      return filled;
    });
  }

 private:
  std::unique_ptr<Database> database_;
};

}  // namespace

std::expected<std::unique_ptr<TableTarget>, std::string> open_table_target(const Options& options) {
  const auto hosts = split_hosts(options.parameters);
  if (!hosts) return std::unexpected(hosts.error());
  Options alone = options;
  alone.connections = 1;
  auto database = std::make_unique<Database>(alone, *hosts);
  if (auto opened = database->open(); !opened) return std::unexpected(opened.error());
  return std::make_unique<Target>(std::move(database));
}

}  // namespace grantd::storage::postgres
