/// Whole tables, moved from one backend to another: which there are, their rows as plain values,
/// and the two ends of a move (`grantd storage copy`).
///
/// Tables and columns have the same names on every backend. What one backend has besides
/// (PostgreSQL's `change.nonce` and `client_secret.place`) is its own affair: it is made while rows
/// come in, and is no part of what is compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/stores.h"

namespace grantd::storage {

enum class ColumnType { integer, text, octets };

struct Column {
  std::string_view name{};
  ColumnType type{};
};

struct Table {
  std::string_view name{};
  std::vector<Column> columns{};  // those of the key first
  std::size_t key_columns{0};
  /// Every column of every row in the order of the key, compared octet by octet: the same statement
  /// on every backend.
  std::string select{};
};

/// All of them but `schema_migration`, each behind those that it refers to. They live as long as
/// the process. A table or column that a migration adds belongs in here; a test compares.
[[nodiscard]] std::span<const Table> copied_tables();

/// NULL, an integer, or the octets of a text or of octets; which of these two, its column says.
using Cell = std::variant<std::monostate, std::int64_t, std::string_view>;
/// As many as the table has columns; valid while it is handed out.
using Row = std::span<const Cell>;

/// Appends the row in a form that two backends agree on, and that no other row has: for each cell
/// its kind, then eight octets of value or length, most significant first, then the octets.
void append_canonical(std::string& into, const Table& table, Row row);

/// Where rows come from.
class TableSource {
 public:
  virtual ~TableSource() = default;

  /// Every row of every table, in the order of copied_tables() and of their keys, out of one
  /// moment; nobody else writes meanwhile. What `each` throws ends it and reaches the caller.
  /// Errors: unavailable.
  [[nodiscard]] virtual StoreResult<void> export_tables(
      const std::function<void(const Table&, Row)>& each) = 0;
};

/// Where they go.
class TableTarget {
 public:
  virtual ~TableTarget() = default;

  /// The tables inside the one transaction. What its members throw must be let through.
  class Filling {
   public:
    Filling() = default;
    virtual ~Filling() = default;
    Filling(const Filling&) = delete;
    Filling& operator=(const Filling&) = delete;

    /// Table by table in the order of copied_tables(), each in the order of its key.
    virtual void put(const Table& table, Row row) = 0;
    /// Every row as it stands in the database now, in the order of the key.
    virtual void read_back(const Table& table, const std::function<void(Row)>& each) = 0;
  };

  /// Lets `fill` put rows into a database that holds none (its counters at 0), in one transaction
  /// that no write of a server interleaves with: committed where `fill` returns a value, else
  /// undone. `fill` may be called again, from its beginning, where the connection was lost before
  /// anything was read back. Errors: those of `fill`; refused (there are rows; which table has
  /// some), exists and limit (what the schema does not take, and in which table), unavailable.
  [[nodiscard]] virtual StoreResult<void> fill_empty(
      const std::function<StoreResult<void>(Filling&)>& fill) = 0;
};

}  // namespace grantd::storage
