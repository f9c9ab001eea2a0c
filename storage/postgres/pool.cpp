#include "storage/postgres/pool.h"

#include <algorithm>
#include <utility>

#include "server/base/files.h"
#include "storage/postgres/hosts.h"

namespace grantd::storage::postgres {
namespace {

SteadyTime steady_now() { return std::chrono::steady_clock::now(); }

/// What each of so many has of the time until the deadline: whoever is quick leaves it to the
/// others.
std::chrono::milliseconds share(SteadyTime deadline, std::size_t of) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_now());
  return std::max(left, std::chrono::milliseconds{0}) / static_cast<std::int64_t>(of);
}

Failure away(const std::string& why) { return {Failure::Kind::away, {}, why}; }

}  // namespace

/// One try to reach the database. While it is known to be away there is one at a time.
class Pool::Attempt {
 public:
  /// Throws Failure (away) where another tries, or did just now.
  explicit Attempt(Pool& pool) : pool_(pool) {
    const std::lock_guard lock(pool.mutex_);
    if (pool.away_because_.empty()) return;
    if (pool.attempting_ || steady_now() < pool.next_attempt_) throw away(pool.away_because_);
    pool.attempting_ = true;
    alone_ = true;
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    const std::lock_guard lock(pool_.mutex_);
    if (alone_) pool_.attempting_ = false;
    pool_.away_because_ = std::move(failure_);
    pool_.next_attempt_ = steady_now() + away_pause;
  }
  void succeeded() { failure_.clear(); }
  void failed(const std::string& why) { failure_ = why; }

 private:
  Pool& pool_;
  bool alone_{false};
  std::string failure_{"the attempt to connect failed"};
};

Pool::Pool(Options options, std::vector<Keywords> hosts)
    : options_(std::move(options)), hosts_(std::move(hosts)), idle_(options_.connections) {}

Pool::Slot Pool::take_slot() {
  std::unique_lock lock(mutex_);
  if (!returned_.wait_for(lock, options_.statement_timeout, [this] { return !idle_.empty(); })) {
    throw away("all " + std::to_string(options_.connections) + " connections were busy for " +
               std::to_string(options_.statement_timeout.count()) + " ms");
  }
  Slot slot = std::move(idle_.back());
  idle_.pop_back();
  return slot;
}

void Pool::give_back(Slot slot) {
  {
    const std::lock_guard lock(mutex_);
    idle_.insert(slot.connection ? idle_.end() : idle_.begin(), std::move(slot));
  }
  returned_.notify_one();
}

std::unique_ptr<Connection> Pool::connect() {
  Attempt attempt(*this);
  try {
    auto connection = connect_to_any();
    attempt.succeeded();
    return connection;
  } catch (const Failure& failure) {
    attempt.failed(failure.what());
    throw;
  }
}

std::unique_ptr<Connection> Pool::connect_to_any() {
  const SecretString password = read_password();
  const SteadyTime deadline = steady_now() + options_.connect_timeout;
  const std::size_t first = first_host_;
  std::string failures;
  const auto note = [&](const std::string& failure) {
    if (!failures.empty()) failures += "; ";
    failures += failure;
  };
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    const std::size_t index = (first + i) % hosts_.size();
    const SteadyTime host_deadline = steady_now() + share(deadline, hosts_.size() - i);
    const auto addresses = look_up(hosts_[index], host_deadline);
    if (!addresses) {
      note(addresses.error());
      continue;
    }
    for (std::size_t tried = 0; tried < addresses->size(); ++tried) {
      const Timeouts timeouts{.connect = share(host_deadline, addresses->size() - tried),
                              .statement = options_.statement_timeout};
      try {
        auto connection = std::make_unique<Connection>((*addresses)[tried], password, timeouts);
        first_host_ = index;
        return connection;
      } catch (const Failure& failure) {
        note(failure.what());
      }
    }
  }
  throw away(failures);
}

SecretString Pool::read_password() const {
  if (!options_.password_file) return {};
  const auto file = read_private_file(*options_.password_file, max_password_file_bytes);
  if (!file) throw away(file.error());
  const std::string_view content = file->content.view();
  return SecretString(content.substr(0, content.find_first_of("\r\n")));
}

void Pool::distrust(std::uint64_t generation) {
  if (generation_.compare_exchange_strong(generation, generation + 1)) ++first_host_;
}

/// The sessions are ours, and nobody is at their other end any more. Each holds its locks, and one
/// of the server's connections, until the standby answers. On another server than theirs nobody
/// has their names, and they are forgotten.
void Pool::end_stuck_commits(Connection& connection) {
  if (!any_stuck_.exchange(false)) return;
  std::vector<std::string> sessions;
  {
    const std::lock_guard lock(mutex_);
    sessions.swap(stuck_commits_);
  }
  static const std::string end =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND " +
      std::string(session_name) + " = $1";
  for (const std::string& session : sessions) connection.query(end, session);
}

Pool::Loan::Loan(Pool& pool, Use use) : pool_(pool), slot_(pool.take_slot()) {
  try {
    open_if_needed(use);
    pool.end_stuck_commits(connection());
  } catch (...) {
    if (slot_.connection && slot_.connection->broken()) slot_.connection.reset();
    pool.give_back(std::move(slot_));
    throw;
  }
}

void Pool::Loan::open_if_needed(Use use) {
  const std::uint64_t generation = pool_.generation_;
  if (slot_.connection && use == Use::any && slot_.generation == generation &&
      !slot_.connection->closed_by_server()) {
    return;
  }
  slot_.connection.reset();
  slot_.generation = generation;
  slot_.connection = pool_.connect();
}

Pool::Loan::~Loan() {
  const Connection& used = connection();
  if (used.server_is_suspect()) pool_.distrust(slot_.generation);
  if (used.is_to_be_ended()) {
    const std::lock_guard lock(pool_.mutex_);
    pool_.stuck_commits_.push_back(used.session());
    pool_.any_stuck_ = true;
  }
  if (used.broken()) slot_.connection.reset();
  pool_.give_back(std::move(slot_));
}

}  // namespace grantd::storage::postgres
