/// One connection to PostgreSQL with its prepared statements, as RAII, over libpq's non-blocking
/// calls: nothing here waits longer than its deadline, also where the network swallows everything.
///
/// Used by one thread at a time. Throws Failure. After a Failure inside a transaction the server
/// takes no other statement until the transaction is undone: let it reach Database.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/base/clock.h"
#include "server/base/libpq.h"
#include "server/base/secret.h"
#include "storage/postgres/failure.h"
#include "storage/postgres/parameters.h"
#include "storage/postgres/rows.h"

namespace grantd::storage::postgres {

/// libpq's connection keywords with their values.
using Keywords = std::map<std::string, std::string>;

struct Timeouts {
  std::chrono::milliseconds connect{};  // until the session is set up
  /// Of one statement: the server ends it; where no answer comes, `answer_margin` later we do.
  std::chrono::milliseconds statement{};
};

/// How much longer than the server's own statement_timeout an answer is waited for.
inline constexpr std::chrono::milliseconds answer_margin{500};
/// Rows that each_row() has in memory at once.
inline constexpr std::size_t cursor_rows = 2000;
/// Of a row of pg_stat_activity, what Connection::session() is.
inline constexpr std::string_view session_name = "pid || '/' || extract(epoch FROM backend_start)";
/// The oldest server that is worked with, as PQserverVersion counts.
inline constexpr int oldest_server_version = 150000;

/// A session whose COMMIT got no answer, which is waiting for a standby most likely. To end it
/// makes visible what it wrote, though no standby has it.
enum class StuckCommit {
  ended,  // as soon as somebody can: it holds a connection and its locks
  left,   // until the standby answers
};

class Connection {
 public:
  /// Connects to one address (`keywords` are libpq's) and sets the session up, in one more round
  /// trip: time-outs, synchronous_commit at least `on`. Throws Failure (away).
  Connection(const Keywords& keywords, const SecretString& password, const Timeouts& timeouts);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Prepared once a connection; `sql` is kept as the key: a literal. Arguments: see Parameters.
  template <typename... Arguments>
  Rows query(std::string_view sql, const Arguments&... arguments) {
    return run_prepared(sql, parameters(arguments...));
  }
  /// The same with as many arguments as turn out when it runs.
  Rows query_with(std::string_view sql, const Parameters& arguments) {
    return run_prepared(sql, arguments);
  }
  /// The number of rows that it touched.
  template <typename... Arguments>
  std::size_t run(std::string_view sql, const Arguments&... arguments) {
    return run_prepared(sql, parameters(arguments...)).affected();
  }
  /// Any number of statements without arguments, not prepared, in one round trip; the last one's
  /// answer.
  Rows execute(const std::string& script);
  /// A large answer by way of a cursor, `cursor_rows` at a time. Only inside a transaction, one at
  /// a time. Once `each` was called, a Failure is not followed by another try.
  template <typename... Arguments>
  void each_row(std::string_view sql, const std::function<void(const Rows&, std::size_t)>& each,
                const Arguments&... arguments) {
    run_cursor(sql, each, parameters(arguments...));
  }

  /// COMMIT. Throws Failure, of kind `unconfirmed` where it cannot be ruled out that the
  /// transaction was committed: no answer, a lost connection, or a warning, by which PostgreSQL
  /// tells that it gave up waiting for the standby.
  void commit(StuckCommit stuck = StuckCommit::ended);
  /// For the rest of the transaction, on both sides.
  void allow(std::chrono::milliseconds statement_timeout);

  /// ROLLBACK, where a transaction is open; where even that fails the connection is broken().
  void roll_back() noexcept;

  /// Whether the server has closed it meanwhile, as far as is known without asking.
  [[nodiscard]] bool closed_by_server();
  /// No longer of use: close it and open another.
  [[nodiscard]] bool broken() const;
  /// Broken in a way that says the same of other connections to that server: it went silent, or
  /// takes no writes any more.
  [[nodiscard]] bool server_is_suspect() const { return server_is_suspect_; }
  /// A COMMIT got no answer, and the session is to be ended (StuckCommit).
  [[nodiscard]] bool is_to_be_ended() const { return is_to_be_ended_; }
  /// The session's name, which no other one has, on no server: the process and when it began.
  [[nodiscard]] const std::string& session() const { return session_; }
  /// The process of the server that serves it.
  [[nodiscard]] int server_process() const { return libpq().PQbackendPID(handle_.get()); }
  [[nodiscard]] int server_version() const { return libpq().PQserverVersion(handle_.get()); }

 private:
  struct Finish {
    void operator()(PGconn* handle) const { libpq().PQfinish(handle); }
  };

  template <typename... Arguments>
  static Parameters parameters(const Arguments&... arguments) {
    Parameters collected;
    (collected.add(arguments), ...);
    return collected;
  }

  static void note_notice(void* connection, const PGresult* notice) noexcept;
  void establish(SteadyTime deadline);
  void set_up(SteadyTime deadline);
  [[noreturn]] void no_connection_in_time() const;
  [[nodiscard]] const std::string& prepared(std::string_view sql);
  Rows run_prepared(std::string_view sql, const Parameters& parameters);
  void run_cursor(std::string_view sql, const std::function<void(const Rows&, std::size_t)>& each,
                  const Parameters& parameters);
  /// The answer to what was sent; `sent` is what libpq's sending function returned.
  Rows answer(int sent);
  Rows answer(int sent, SteadyTime deadline);
  [[nodiscard]] PGresult* next_result(SteadyTime deadline);
  [[nodiscard]] PGresult* last_words();
  /// Until the socket is ready for one of poll(2)'s `events`; false at the deadline.
  [[nodiscard]] bool wait(short events, SteadyTime deadline) const;
  [[nodiscard]] Failure refusal(const Rows& answer);
  [[noreturn]] void lose();

  std::unique_ptr<PGconn, Finish> handle_;
  Timeouts timeouts_;
  std::chrono::milliseconds statement_timeout_;                   // of this transaction
  std::unordered_map<std::string_view, std::string> statements_;  // name by text
  std::string session_;
  std::string warning_;  // the last of this statement
  bool given_up_{false};
  bool server_is_suspect_{false};
  bool is_to_be_ended_{false};
};

/// Undone where commit() was not reached.
class Transaction {
 public:
  /// `begin` starts with BEGIN.
  Transaction(Connection& connection, const std::string& begin);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() { connection_.roll_back(); }
  void commit(StuckCommit stuck) { connection_.commit(stuck); }

 private:
  Connection& connection_;
};

}  // namespace grantd::storage::postgres
