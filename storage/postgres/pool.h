/// The bounded, warm pool of connections to one database, which any of several hosts may serve.
///
/// Connections are opened when they are first needed, stay open, and are closed where they failed.
/// The host that worked last is tried first. While the database is known to be away one caller at a
/// time tries to reach it, at most once in `away_pause`; all others fail at once. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "storage/postgres/connection.h"
#include "storage/postgres/postgres_storage.h"

namespace grantd::storage::postgres {

/// After a failed attempt to connect, how long all fail without another.
inline constexpr std::chrono::milliseconds away_pause{200};

class Pool {
 public:
  explicit Pool(const Options& options);

  enum class Use {
    any,
    fresh,  // opened just now, none that was lying idle
  };

  /// A connection, given back when this goes. Throws Failure (away).
  class Loan {
   public:
    Loan(Pool& pool, Use use);
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan();
    [[nodiscard]] Connection& connection() { return *slot_.connection; }

   private:
    friend class Pool;
    struct Slot {
      std::unique_ptr<Connection> connection{};  // null: to be opened
      std::uint64_t generation{0};
    };

    void end_stuck_commits();

    Pool& pool_;
    Slot slot_;
  };

  /// A connection went silent, or its server became read-only: those that lie idle are as old as
  /// it, and are not used again.
  void distrust_idle() { ++generation_; }
  /// A COMMIT of that server's process got no answer: it may be waiting for a standby, and hold its
  /// locks, for as long as nobody ends it. The next loan does.
  void note_stuck_commit(int server_process);

  [[nodiscard]] const Options& options() const { return options_; }
  /// For messages: which database, at which hosts.
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  using Slot = Loan::Slot;

  [[nodiscard]] Slot take_slot();
  void give_back(Slot slot);
  [[nodiscard]] std::unique_ptr<Connection> connect();
  [[nodiscard]] std::unique_ptr<Connection> connect_to_any();
  /// Whether this caller is the one that looks whether the database is back. Throws where another
  /// does, or did just now.
  [[nodiscard]] bool begin_attempt();
  void end_attempt(bool probing, const std::string* failure);

  const Options options_;
  const std::vector<std::map<std::string, std::string>> hosts_;
  const std::string name_;
  std::atomic<std::size_t> first_host_{0};
  std::atomic<std::uint64_t> generation_{0};

  std::mutex mutex_;  // for what follows
  std::condition_variable returned_;
  std::vector<Slot> idle_;
  std::string away_because_;  // empty: not known to be away
  SteadyTime next_attempt_{};
  bool attempting_{false};  // while away
  std::vector<int> stuck_commits_;
};

}  // namespace grantd::storage::postgres
