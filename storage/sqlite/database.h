/// The connections to one database file: one that writes, behind a mutex, and some that read, on
/// loan; and the watch over the file itself.
///
/// Before each use the file at the path is compared with the one that was opened. Where it is
/// gone, nothing is done until it is back; where another stands in its place, all connections are
/// opened anew, if its schema is one that this binary works on. Connections that failed are closed
/// and opened again at the next use. Thread-safe.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "storage/sqlite/connection.h"
#include "storage/sqlite/no_waiting.h"
#include "storage/sqlite/sqlite_storage.h"

namespace grantd::storage::sqlite {

class Database {
 public:
  /// `options.path` is absolute.
  explicit Database(const Options& options);

  /// Opens the file for the first time, whatever its schema. Error: one sentence.
  [[nodiscard]] std::expected<void, std::string> open();

  /// Runs `work(Connection&)`, which returns a StoreResult, in a transaction of its own that no
  /// other writer can interleave with: committed where it returns a value, else rolled back, also
  /// where it throws.
  template <typename Work>
  [[nodiscard]] std::invoke_result_t<Work&, Connection&> write(Work work) {
    try {
      const auto lock = lock_writer();
      return write_locked(work);
    } catch (const Failure& failure) {
      return std::unexpected(described(failure));
    }
  }

  /// Runs `work(Connection&)` in one consistent read.
  template <typename Work>
  [[nodiscard]] std::invoke_result_t<Work&, Connection&> read(Work work) {
    try {
      Loan loan(*this, Loan::Kind::in_time);
      Transaction transaction(loan.connection(), Transaction::Kind::deferred);
      auto result = work(loan.connection());
      transaction.commit();
      return result;
    } catch (const Failure& failure) {
      return std::unexpected(described(failure));
    }
  }

  /// Like read(), for an event loop: without waiting for a disk, a lock, or a connection that has
  /// yet to be opened. Nothing where it could not be, whatever the reason: read() then tells it.
  template <typename Work>
  [[nodiscard]] std::optional<std::invoke_result_t<Work&, Connection&>> read_at_once(Work work) {
    if (!NoWaiting::available()) return std::nullopt;
    const NoWaiting no_waiting;
    try {
      Loan loan(*this, Loan::Kind::at_once);
      if (!loan) return std::nullopt;
      const Impatience impatience(loan.connection(), options_.busy_timeout);
      Transaction transaction(loan.connection(), Transaction::Kind::deferred);
      auto result = work(loan.connection());
      transaction.commit();
      return result;
    } catch (const Failure&) {
      return std::nullopt;
    }
  }

  /// Whether another file has taken the place of the one that was open; told once.
  [[nodiscard]] bool take_replaced() { return replaced_.exchange(false); }

  [[nodiscard]] const Options& options() const { return options_; }

 private:
  struct FileId {
    dev_t device{};
    ino_t inode{};
    bool operator==(const FileId&) const = default;
  };

  /// A reading connection, given back when this goes.
  class Loan {
   public:
    enum class Kind {
      in_time,  // waits for one, or opens it
      at_once,  // or none
    };
    Loan(Database& database, Kind kind);
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan();
    explicit operator bool() const { return connection_ != nullptr; }
    [[nodiscard]] Connection& connection() { return *connection_; }

   private:
    void wait_for_one(const FileId& file);
    void take_open_one(const FileId& file);
    void give_back();

    Database& database_;
    std::unique_ptr<Connection> connection_;
  };

  /// No busy timeout while it is alive.
  class Impatience {
   public:
    Impatience(Connection& connection, std::chrono::milliseconds usual)
        : connection_(connection), usual_(usual) {
      connection_.set_busy_timeout(std::chrono::milliseconds::zero());
    }
    Impatience(const Impatience&) = delete;
    Impatience& operator=(const Impatience&) = delete;
    ~Impatience() { connection_.set_busy_timeout(usual_); }

   private:
    Connection& connection_;
    const std::chrono::milliseconds usual_;
  };

  struct DropIfBroken {
    std::unique_ptr<Connection>& connection;
    ~DropIfBroken() {
      if (connection && connection->broken()) connection.reset();
    }
  };

  template <typename Work>
  std::invoke_result_t<Work&, Connection&> write_locked(Work& work) {
    Connection& connection = ready_writer();
    const DropIfBroken guard{writer_};
    Transaction transaction(connection, Transaction::Kind::immediate);
    auto result = work(connection);
    if (result) transaction.commit();
    return result;
  }

  [[nodiscard]] StoreError described(const Failure& failure) const;
  [[nodiscard]] FileId file_at_path() const;
  [[nodiscard]] std::optional<FileId> identify_log() const;
  [[nodiscard]] bool is_attached_to(const FileId& file);
  [[nodiscard]] std::unique_ptr<Connection> connect(Connection::Use use, const FileId& file) const;
  [[nodiscard]] std::unique_lock<std::timed_mutex> lock_writer();
  [[nodiscard]] Connection& ready_writer();
  void attach(const FileId& file);
  void leave_replaced_file();

  const Options options_;
  std::timed_mutex writer_mutex_;       // taken before readers_mutex_
  std::unique_ptr<Connection> writer_;  // null: to be opened
  std::mutex readers_mutex_;
  std::condition_variable reader_returned_;
  std::vector<std::unique_ptr<Connection>> idle_readers_;  // null: to be opened; those last
  bool lacks_open_reader_{false};                          // somebody found none at once
  std::optional<FileId> attached_;  // written with both mutexes held, read with either
  std::optional<FileId> attached_log_;
  bool opened_before_{false};
  std::atomic<bool> replaced_{false};
};

}  // namespace grantd::storage::sqlite
