#include "storage/postgres/connection.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "storage/postgres/one_line.h"

namespace grantd::storage::postgres {
namespace {

using std::chrono::milliseconds;

SteadyTime steady_now() { return std::chrono::steady_clock::now(); }

std::string_view field(const PGresult* result, int code) {
  const char* text = libpq().PQresultErrorField(result, code);
  return text == nullptr ? std::string_view{} : std::string_view{text};
}

bool is_error(const PGresult* result) {
  switch (libpq().PQresultStatus(result)) {
    case PGRES_EMPTY_QUERY:
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
      return false;
    case PGRES_COPY_OUT:
    case PGRES_COPY_IN:
    case PGRES_BAD_RESPONSE:
    case PGRES_NONFATAL_ERROR:
    case PGRES_FATAL_ERROR:
    case PGRES_COPY_BOTH:
    case PGRES_SINGLE_TUPLE:
#ifdef LIBPQ_HAS_CHUNK_MODE  // since PostgreSQL 17
    case PGRES_TUPLES_CHUNK:
#endif
    case PGRES_PIPELINE_SYNC:
    case PGRES_PIPELINE_ABORTED:
      break;
  }
  return true;
}

/// Of errors in answer to COMMIT, those after which it is certain that nothing was committed.
bool undoes_for_certain(std::string_view sqlstate) {
  return sqlstate == "40001" || sqlstate == "40P01" || sqlstate.starts_with("23");
}

}  // namespace

Connection::Connection(const Keywords& keywords, const SecretString& password,
                       const Timeouts& timeouts)
    : timeouts_(timeouts), statement_timeout_(timeouts.statement) {
  if (const auto library = load_libpq(); !library) {
    throw Failure(Failure::Kind::away, {}, library.error());
  }
  const SteadyTime deadline = steady_now() + timeouts.connect;
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  std::string terminated(password.view());
  if (!password.empty()) {
    names.push_back("password");
    values.push_back(terminated.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  handle_.reset(libpq().PQconnectStartParams(names.data(), values.data(), 0));
  cleanse(terminated);
  if (!handle_) throw std::bad_alloc();
  libpq().PQsetNoticeReceiver(handle_.get(), note_notice, this);
  establish(deadline);
  if (server_version() < oldest_server_version) {
    throw Failure(Failure::Kind::away, {},
                  "the server is PostgreSQL " + std::to_string(server_version() / 10000) +
                      ", and 15 or later is needed");
  }
  try {
    set_up(deadline);
  } catch (const Failure& failure) {
    if (failure.kind() == Failure::Kind::silent) no_connection_in_time();
    throw Failure(Failure::Kind::away, {}, failure.what());
  }
}

void Connection::establish(SteadyTime deadline) {
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
    if (state == PGRES_POLLING_FAILED || libpq().PQstatus(handle_.get()) == CONNECTION_BAD) {
      throw Failure(Failure::Kind::away, {}, one_line(libpq().PQerrorMessage(handle_.get())));
    }
    if (!wait(state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) no_connection_in_time();
    state = libpq().PQconnectPoll(handle_.get());
  }
  if (libpq().PQsetnonblocking(handle_.get(), 1) != 0) lose();
}

void Connection::no_connection_in_time() const {
  throw Failure(Failure::Kind::away, {},
                "no connection within " + std::to_string(timeouts_.connect.count()) + " ms");
}

/// A statement waits for a lock no longer than it may take; a session that begins a transaction and
/// falls silent loses it, and its locks, after as long.
void Connection::set_up(SteadyTime deadline) {
  const std::string timeout = std::to_string(timeouts_.statement.count());
  const std::string script =
      "SELECT set_config('statement_timeout', '" + timeout +
      "', false),"
      " set_config('lock_timeout', '" +
      timeout +
      "', false),"
      " set_config('idle_in_transaction_session_timeout', '" +
      timeout +
      "', false),"
      " set_config('bytea_output', 'hex', false),"
      " set_config('synchronous_commit',"
      " CASE WHEN current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')"
      " THEN 'on' ELSE current_setting('synchronous_commit') END, false),"
      " (SELECT " +
      std::string(session_name) +
      " FROM pg_stat_activity"
      " WHERE pid = pg_backend_pid())";
  const Rows done = answer(libpq().PQsendQuery(handle_.get(), script.c_str()), deadline);
  session_ = done.string(0, 5);
}

void Connection::note_notice(void* connection, const PGresult* notice) noexcept {
  try {
    if (field(notice, PG_DIAG_SEVERITY_NONLOCALIZED) != "WARNING") return;
    static_cast<Connection*>(connection)->warning_ =
        one_line(field(notice, PG_DIAG_MESSAGE_PRIMARY)) + ".";
  } catch (const std::bad_alloc&) {
    // The connection cannot tell any more that it was warned.
    static_cast<Connection*>(connection)->given_up_ = true;
  }
}

Rows Connection::execute(const std::string& script) {
  warning_.clear();
  return answer(libpq().PQsendQuery(handle_.get(), script.c_str()));
}

const std::string& Connection::prepared(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) return found->second;
  std::string name = "s" + std::to_string(statements_.size());
  const std::string text(sql);
  answer(libpq().PQsendPrepare(handle_.get(), name.c_str(), text.c_str(), 0, nullptr));
  return statements_.emplace(sql, std::move(name)).first->second;
}

Rows Connection::run_prepared(std::string_view sql, const Parameters& parameters) {
  const std::string& name = prepared(sql);
  const auto arrays = parameters.arrays();
  warning_.clear();
  return answer(libpq().PQsendQueryPrepared(handle_.get(), name.c_str(), parameters.count(),
                                            arrays.values.data(), arrays.lengths.data(),
                                            arrays.formats.data(), 0));
}

void Connection::run_cursor(std::string_view sql,
                            const std::function<void(const Rows&, std::size_t)>& each,
                            const Parameters& parameters) {
  const std::string declare = "DECLARE each_row NO SCROLL CURSOR FOR " + std::string(sql);
  const std::string fetch = "FETCH FORWARD " + std::to_string(cursor_rows) + " FROM each_row";
  const auto arrays = parameters.arrays();
  answer(libpq().PQsendQueryParams(handle_.get(), declare.c_str(), parameters.count(), nullptr,
                                   arrays.values.data(), arrays.lengths.data(),
                                   arrays.formats.data(), 0));
  bool handed_out = false;
  try {
    for (;;) {
      const Rows rows = execute(fetch);
      handed_out = handed_out || !rows.empty();
      for (std::size_t row = 0; row < rows.size(); ++row) each(rows, row);
      if (rows.size() < cursor_rows) break;
    }
    execute("CLOSE each_row");
  } catch (Failure& failure) {
    if (handed_out) failure.forbid_repeating();
    throw;
  }
}

Rows Connection::answer(int sent) {
  return answer(sent, steady_now() + statement_timeout_ + answer_margin);
}

Rows Connection::answer(int sent, SteadyTime deadline) {
  if (sent == 0) lose();
  std::optional<Rows> last;
  std::optional<Rows> refused;
  while (PGresult* result = next_result(deadline)) {
    auto& kept = is_error(result) && !refused ? refused : last;
    kept.emplace(result);
  }
  if (refused) throw refusal(*refused);
  if (!last || libpq().PQstatus(handle_.get()) != CONNECTION_OK) lose();
  return std::move(*last);
}

/// Null where there is no more.
PGresult* Connection::next_result(SteadyTime deadline) {
  for (;;) {
    const int unsent = libpq().PQflush(handle_.get());
    if (unsent < 0) lose();
    if (unsent == 0 && libpq().PQisBusy(handle_.get()) == 0) {
      return libpq().PQgetResult(handle_.get());
    }
    // Before the wait too: OpenSSL may hold the rest of a record, of which poll() knows nothing.
    if (libpq().PQconsumeInput(handle_.get()) == 0) return last_words();
    if (unsent == 0 && libpq().PQisBusy(handle_.get()) == 0) continue;
    const auto events = static_cast<short>(unsent == 0 ? POLLIN : POLLIN | POLLOUT);
    if (!wait(events, deadline)) {
      given_up_ = true;
      server_is_suspect_ = true;
      throw Failure(Failure::Kind::silent, {},
                    "no answer within " +
                        std::to_string((statement_timeout_ + answer_margin).count()) + " ms");
    }
    if (libpq().PQconsumeInput(handle_.get()) == 0) return last_words();
  }
}

/// Of a connection that cannot be read from: what the server said last, or libpq's own words.
PGresult* Connection::last_words() {
  // With the socket gone this does not block.
  if (libpq().PQstatus(handle_.get()) == CONNECTION_BAD) return libpq().PQgetResult(handle_.get());
  lose();
}

bool Connection::wait(short events, SteadyTime deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_now());
    pollfd watched{.fd = libpq().PQsocket(handle_.get()), .events = events, .revents = 0};
    const int ready =
        ::poll(&watched, 1, static_cast<int>(std::max(left, milliseconds{0}).count()));
    if (ready > 0) return true;
    if (ready == 0 && left <= milliseconds{0}) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

/// Only the primary message: PostgreSQL's details repeat what was to be stored.
Failure Connection::refusal(const Rows& answer) {
  const std::string_view sqlstate = field(answer.result(), PG_DIAG_SQLSTATE);
  const std::string_view primary = field(answer.result(), PG_DIAG_MESSAGE_PRIMARY);
  std::string message =
      one_line(primary.empty() ? libpq().PQresultErrorMessage(answer.result()) : primary);
  if (libpq().PQstatus(handle_.get()) != CONNECTION_OK ||
      field(answer.result(), PG_DIAG_SEVERITY_NONLOCALIZED) == "FATAL") {
    given_up_ = true;
    return {Failure::Kind::lost, sqlstate, message};
  }
  Failure failure(Failure::Kind::answered, sqlstate, message);
  if (failure.calls_for_fresh_connection()) given_up_ = true;
  if (sqlstate == "25006") server_is_suspect_ = true;
  return failure;
}

void Connection::lose() {
  given_up_ = true;
  throw Failure(Failure::Kind::lost, {}, one_line(libpq().PQerrorMessage(handle_.get())));
}

void Connection::commit(StuckCommit stuck) {
  try {
    const Rows done = execute("COMMIT");
    statement_timeout_ = timeouts_.statement;
    if (done.command() != "COMMIT") {
      throw Failure(Failure::Kind::answered, "25P02", "the transaction had failed before COMMIT");
    }
  } catch (const Failure& failure) {
    if (failure.kind() == Failure::Kind::answered && undoes_for_certain(failure.sqlstate())) throw;
    if (failure.sqlstate() == "25P02") throw;
    const bool is_stuck = failure.kind() == Failure::Kind::silent;
    is_to_be_ended_ = is_stuck && stuck == StuckCommit::ended;
    // It is the standby that does not answer, most likely. Were all connections given up for it,
    // those who only read would wait at the other hosts, the standby among them. Where the server
    // itself is silent, the next one who reads finds out.
    if (is_stuck) server_is_suspect_ = false;
    throw Failure(
        Failure::Kind::unconfirmed, failure.sqlstate(),
        std::string("it is not known whether the change was committed: ") + failure.what());
  }
  if (given_up_ || !warning_.empty()) {
    throw Failure(Failure::Kind::unconfirmed, {},
                  "the change was not confirmed by the standby: " + warning_);
  }
}

void Connection::allow(milliseconds statement_timeout) {
  execute("SET LOCAL statement_timeout = " + std::to_string(statement_timeout.count()));
  statement_timeout_ = statement_timeout;
}

void Connection::roll_back() noexcept {
  statement_timeout_ = timeouts_.statement;
  if (given_up_ || libpq().PQtransactionStatus(handle_.get()) == PQTRANS_IDLE) return;
  try {
    execute("ROLLBACK");
  } catch (...) {
    given_up_ = true;
  }
}

bool Connection::closed_by_server() {
  while (wait(POLLIN, steady_now())) {
    if (libpq().PQconsumeInput(handle_.get()) == 0) return true;
    // Takes in what came, such as a changed setting.
    static_cast<void>(libpq().PQisBusy(handle_.get()));
    if (libpq().PQstatus(handle_.get()) != CONNECTION_OK) return true;
  }
  return libpq().PQstatus(handle_.get()) != CONNECTION_OK;
}

bool Connection::broken() const {
  return given_up_ || libpq().PQstatus(handle_.get()) != CONNECTION_OK ||
         libpq().PQtransactionStatus(handle_.get()) != PQTRANS_IDLE;
}

Transaction::Transaction(Connection& connection, const std::string& begin)
    : connection_(connection) {
  try {
    connection_.execute(begin);
  } catch (...) {
    connection_.roll_back();
    throw;
  }
}

}  // namespace grantd::storage::postgres
