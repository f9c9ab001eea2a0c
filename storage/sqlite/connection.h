/// One SQLite connection with its prepared statements, as RAII.
///
/// Used by one thread at a time. What SQLite reports is thrown as Failure and never leaves
/// storage/sqlite: Database turns it into a StoreError.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "storage/stores.h"

namespace grantd::storage::sqlite {

/// A result code (extended) with SQLite's own message or ours.
class Failure : public std::runtime_error {
 public:
  Failure(int code, const std::string& message) : std::runtime_error(message), code_(code) {}

  [[nodiscard]] int code() const noexcept { return code_; }
  /// `limit` where a constraint of the schema was hurt, else `unavailable`.
  [[nodiscard]] StoreError error() const;

 private:
  int code_;
};

/// Text that is bound as a BLOB.
struct Octets {
  std::string_view value{};
};

class Connection;

/// A prepared statement on loan from its connection, reset when it goes.
class Statement {
 public:
  Statement(Connection& connection, sqlite3_stmt* handle)
      : connection_(connection), handle_(handle) {}
  Statement(Statement&& other) noexcept
      : connection_(other.connection_), handle_(std::exchange(other.handle_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  void bind(int index, std::int64_t value);
  void bind(int index, bool value) { bind(index, std::int64_t{value}); }
  void bind(int index, std::string_view text);
  void bind(int index, const Digest& digest);
  void bind(int index, const Octets& octets);
  void bind(int index, sys_seconds time) {
    bind(index, std::int64_t{time.time_since_epoch().count()});
  }
  void bind(int index, std::chrono::seconds duration) {
    bind(index, std::int64_t{duration.count()});
  }
  template <typename T>
  void bind(int index, const std::optional<T>& value) {
    if (value) bind(index, *value);  // never bound: NULL
  }

  /// Whether there is a row.
  bool step();

  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] bool boolean(int column) const { return integer(column) != 0; }
  /// Valid until the next step.
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::string string(int column) const { return std::string(text(column)); }
  [[nodiscard]] Digest digest(int column) const;
  [[nodiscard]] std::string octets(int column) const { return string(column); }
  [[nodiscard]] sys_seconds time(int column) const {
    return sys_seconds{std::chrono::seconds{integer(column)}};
  }
  [[nodiscard]] std::optional<sys_seconds> optional_time(int column) const;

 private:
  Connection& connection_;
  sqlite3_stmt* handle_;
};

class Connection {
 public:
  enum class Use { write, read_only };

  /// Opens a file that must exist, in WAL mode. Throws Failure.
  Connection(const std::filesystem::path& path, Use use, std::chrono::milliseconds busy_timeout);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// `sql` is kept as the key of the cache: a literal. One Statement of the same text at a time.
  template <typename... Arguments>
  [[nodiscard]] Statement query(std::string_view sql, const Arguments&... arguments) {
    Statement statement(*this, prepared(sql));
    bind_all(statement, arguments...);
    return statement;
  }
  /// For what returns no row.
  template <typename... Arguments>
  void run(std::string_view sql, const Arguments&... arguments) {
    query(sql, arguments...).step();
  }
  /// Any number of statements without arguments, not cached.
  void execute(const std::string& script);
  /// How long it waits for the locks of others.
  void set_busy_timeout(std::chrono::milliseconds timeout);
  /// Rows that the last statement changed.
  [[nodiscard]] std::size_t changes() const;

  /// Moves everything out of the write-ahead log into the database and empties the log. Whether
  /// that worked.
  [[nodiscard]] bool empty_log();
  /// No longer of use after an error: close it and open another.
  [[nodiscard]] bool broken() const;
  [[noreturn]] void fail(int code);
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };

  [[nodiscard]] sqlite3_stmt* prepared(std::string_view sql);
  template <typename... Arguments>
  static void bind_all(Statement& statement, const Arguments&... arguments) {
    int index = 0;
    (statement.bind(++index, arguments), ...);
  }

  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<std::string_view, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
  bool failed_{false};
};

/// Rolls back where commit() was not reached.
class Transaction {
 public:
  enum class Kind { deferred, immediate };

  Transaction(Connection& connection, Kind kind);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Connection& connection_;
};

}  // namespace grantd::storage::sqlite
