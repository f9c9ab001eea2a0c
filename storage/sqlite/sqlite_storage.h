/// SQLite behind the store interfaces: WAL, `synchronous=FULL`, foreign keys on, one writer.
///
/// Thread-safe: one writing connection behind a mutex, reading connections on loan. A file that
/// was moved away or replaced under it is `unavailable` until it is back, never written blindly.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "storage/copy.h"
#include "storage/stores.h"

namespace grantd::storage::sqlite {

struct Options {
  std::filesystem::path path{};
  /// Reading connections at most, each opened once so many read at the same time: one an event loop
  /// and one a thread of the blocking pool, the following and the maintenance thread.
  std::size_t readers{32};
  std::chrono::milliseconds busy_timeout{5000};
};

class SqliteStorage : public Storage, public TableSource {
 public:
  enum class Create { yes, no };

  /// Opens (and with `Create::yes` makes, mode 0600) the file without looking at its schema; a file
  /// that others can read is refused. Error: one sentence for the operator.
  [[nodiscard]] static std::expected<std::unique_ptr<SqliteStorage>, std::string> open(
      const Options& options, Create create);

  /// A consistent copy of the live database (SQLite's online backup), mode 0600.
  [[nodiscard]] virtual std::expected<void, std::string> backup_to(
      const std::filesystem::path& target) = 0;
};

/// Held by a running server: a second one on the same database is refused. flock(2) on
/// `<database>.lock`, released by the kernel when the process ends, however it ends.
class ServerLock {
 public:
  [[nodiscard]] static std::expected<ServerLock, std::string> acquire(
      const std::filesystem::path& database);
  ServerLock(ServerLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ServerLock& operator=(ServerLock&&) = delete;
  ~ServerLock();

 private:
  explicit ServerLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace grantd::storage::sqlite
