/// Transactions on the pool, and what is tried again.
///
/// A work is called with a Connection and returns a StoreResult. It may be called again, from its
/// beginning, where it is certain that nothing was committed: after a lost race (serialisation
/// failure, deadlock) `max_attempts` times in all, after a lost connection or a server that became
/// read-only once, on a fresh connection. A COMMIT without a clear answer is `unavailable`, never
/// tried again. Thread-safe.
#pragma once

#include <expected>
#include <string>
#include <type_traits>
#include <vector>

#include "storage/postgres/pool.h"

namespace grantd::storage::postgres {

/// How often one call begins a transaction that keeps losing races.
inline constexpr int max_attempts = 5;

class Database {
 public:
  /// `hosts` as split_hosts() makes them: one or more.
  Database(const Options& options, const std::vector<Keywords>& hosts);

  /// Connects for the first time, whatever the schema. Error: one sentence.
  [[nodiscard]] std::expected<void, std::string> open();

  /// For all that appends to `change`: runs `work(Connection&)` in a READ COMMITTED transaction
  /// that has locked counter('change') before, so that no other of its kind can interleave with it.
  /// Committed where it returns a value, else undone, also where it throws.
  template <typename Work>
  [[nodiscard]] std::invoke_result_t<Work&, Connection&> write_in_order(
      Work work, StuckCommit stuck = StuckCommit::ended) {
    return committed(begin_in_order, work, stuck);
  }
  /// The same without the lock.
  template <typename Work>
  [[nodiscard]] std::invoke_result_t<Work&, Connection&> write(Work work) {
    return committed(begin_write, work, StuckCommit::ended);
  }
  /// One consistent moment, however many statements.
  template <typename Work>
  [[nodiscard]] std::invoke_result_t<Work&, Connection&> read(Work work) {
    return repeated<std::invoke_result_t<Work&, Connection&>>([&](Connection& connection) {
      const Transaction undone_at_the_end(connection, begin_read);
      return work(connection);
    });
  }
  /// One statement that reads, without a transaction: the cheapest.
  template <typename Work>
  [[nodiscard]] std::invoke_result_t<Work&, Connection&> read_one(Work work) {
    return repeated<std::invoke_result_t<Work&, Connection&>>(work);
  }

  [[nodiscard]] const Options& options() const { return pool_.options(); }
  [[nodiscard]] const std::vector<Keywords>& hosts() const { return pool_.hosts(); }

 private:
  static constexpr const char* begin_write = "BEGIN ISOLATION LEVEL READ COMMITTED";
  static constexpr const char* begin_in_order =
      "BEGIN ISOLATION LEVEL READ COMMITTED;"
      "SELECT value FROM counter WHERE name = 'change' FOR UPDATE";
  static constexpr const char* begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

  /// Whether a call that met failures goes on, and on which connection.
  class Attempts {
   public:
    /// Waits a little after a lost race.
    [[nodiscard]] bool again_after(const Failure& failure);
    [[nodiscard]] Pool::Use use() const { return use_; }

   private:
    int made_{1};
    Pool::Use use_{Pool::Use::any};
  };

  template <typename Work>
  std::invoke_result_t<Work&, Connection&> committed(const char* begin, Work& work,
                                                     StuckCommit stuck) {
    return repeated<std::invoke_result_t<Work&, Connection&>>([&](Connection& connection) {
      Transaction transaction(connection, begin);
      auto result = work(connection);
      if (result) transaction.commit(stuck);
      return result;
    });
  }

  template <typename Result, typename Work>
  Result repeated(const Work& work) {
    for (Attempts attempts;;) {
      try {
        Pool::Loan loan(pool_, attempts.use());
        return work(loan.connection());
      } catch (const Failure& failure) {
        if (!attempts.again_after(failure)) return std::unexpected(described(failure));
      }
    }
  }

  [[nodiscard]] StoreError described(const Failure& failure) const;

  Pool pool_;
  const std::string name_;  // for messages: which database, at which hosts
};

}  // namespace grantd::storage::postgres
