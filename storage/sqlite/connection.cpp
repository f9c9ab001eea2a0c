#include "storage/sqlite/connection.h"

#include <algorithm>

#include "storage/sqlite/no_waiting.h"

namespace grantd::storage::sqlite {
namespace {

// The log is cut back to this after a checkpoint: a burst must not keep the disk for good.
constexpr std::string_view journal_size_limit_bytes = "67108864";

// A commit that makes the log this long (16 MiB) moves it into the database. Under a load of
// revocations SQLite's own 1,000 pages would have every tenth commit do so, and wait for the disk
// once more; pages that many commits write are then moved once.
constexpr std::string_view checkpoint_pages = "4000";

constexpr int primary(int extended_code) { return extended_code & 0xff; }

/// After these the connection is as good as before: SQLite undid what had begun.
bool leaves_connection_usable(int code) {
  switch (primary(code)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CONSTRAINT:
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
    case SQLITE_NOMEM:
    case SQLITE_ERROR:
      return true;
    default:
      return false;
  }
}

}  // namespace

StoreError Failure::error() const {
  const bool constraint = primary(code_) == SQLITE_CONSTRAINT;
  return {constraint ? StoreErrorCode::limit : StoreErrorCode::unavailable, what()};
}

Statement::~Statement() {
  if (handle_ == nullptr) return;
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
}

void Statement::bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_, index, value);
  if (code != SQLITE_OK) connection_.fail(code);
}

void Statement::bind(int index, std::string_view text) {
  const int code = sqlite3_bind_text64(handle_, index, text.empty() ? "" : text.data(), text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) connection_.fail(code);
}

void Statement::bind(int index, const Digest& digest) {
  const int code =
      sqlite3_bind_blob64(handle_, index, digest.data(), digest.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) connection_.fail(code);
}

void Statement::bind(int index, const Octets& octets) {
  const int code = sqlite3_bind_blob64(handle_, index, octets.value.data(), octets.value.size(),
                                       SQLITE_TRANSIENT);
  if (code != SQLITE_OK) connection_.fail(code);
}

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) connection_.fail(code);
  return false;
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }

std::string_view Statement::text(int column) const {
  // Asked as a blob: the same octets, without a conversion that could fail.
  const void* octets = sqlite3_column_blob(handle_, column);
  const int size = sqlite3_column_bytes(handle_, column);
  if (octets == nullptr) return {};
  return {static_cast<const char*>(octets), static_cast<std::size_t>(size)};
}

Digest Statement::digest(int column) const {
  const std::string_view octets = text(column);
  Digest digest{};
  if (octets.size() != digest.size()) connection_.fail(SQLITE_CORRUPT);
  std::ranges::transform(octets, digest.begin(),
                         [](char octet) { return static_cast<std::uint8_t>(octet); });
  return digest;
}

std::optional<sys_seconds> Statement::optional_time(int column) const {
  if (is_null(column)) return std::nullopt;
  return time(column);
}

Connection::Connection(const std::filesystem::path& path, Use use,
                       std::chrono::milliseconds busy_timeout) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail(code);
  if (sqlite3_db_readonly(handle, "main") == 1) {
    throw Failure(SQLITE_READONLY, "the file cannot be written by this user");
  }
  set_busy_timeout(busy_timeout);
  {
    const auto mode = [&] {
      Statement statement(*this, prepared("PRAGMA journal_mode = WAL"));
      return statement.step() ? statement.string(0) : std::string{};
    }();
    if (mode != "wal") throw Failure(SQLITE_CANTOPEN, "the file system allows no write-ahead log");
  }
  execute(
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
      "PRAGMA journal_size_limit = " +
      std::string(journal_size_limit_bytes) +
      "; PRAGMA wal_autocheckpoint = " + std::string(checkpoint_pages));
  if (use == Use::read_only) execute("PRAGMA query_only = ON");
}

void Connection::execute(const std::string& script) {
  const int code = sqlite3_exec(handle_.get(), script.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

void Connection::set_busy_timeout(std::chrono::milliseconds timeout) {
  sqlite3_busy_timeout(handle_.get(), static_cast<int>(timeout.count()));
}

std::size_t Connection::changes() const {
  return static_cast<std::size_t>(sqlite3_changes64(handle_.get()));
}

bool Connection::empty_log() {
  return sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                   nullptr) == SQLITE_OK;
}

bool Connection::broken() const { return failed_ || sqlite3_get_autocommit(handle_.get()) == 0; }

void Connection::fail(int code) {
  if (!leaves_connection_usable(code) && !NoWaiting::refused()) failed_ = true;
  const bool reported = handle_ && sqlite3_extended_errcode(handle_.get()) == code;
  throw Failure(code, reported ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code));
}

sqlite3_stmt* Connection::prepared(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) {
    return found->second.get();
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) fail(code);
  statements_.emplace(sql, statement);
  return statement;
}

Transaction::Transaction(Connection& connection, Kind kind) : connection_(connection) {
  connection_.run(kind == Kind::immediate ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  // Where even this fails the connection stays inside its transaction, which makes it broken().
  if (sqlite3_get_autocommit(connection_.handle()) == 0) {
    sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void Transaction::commit() { connection_.run("COMMIT"); }

}  // namespace grantd::storage::sqlite
