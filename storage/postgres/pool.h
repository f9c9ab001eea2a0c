/// The bounded, warm pool of connections to one database, which any of several hosts may serve.
///
/// Connections are opened when they are first needed, stay open, and are closed where they failed.
/// The host that worked last is tried first. While the database is known to be away one caller at a
/// time tries to reach it, at most once in `away_pause`; all others fail at once. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
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
inline constexpr std::size_t max_password_file_bytes = 4096;

class Pool {
  struct Slot {
    std::unique_ptr<Connection> connection{};  // null: to be opened
    std::uint64_t generation{0};
  };

 public:
  /// `hosts` as split_hosts() makes them: one or more.
  Pool(Options options, std::vector<Keywords> hosts);

  enum class Use {
    any,
    fresh,  // opened just now, none that was lying idle
  };

  /// A connection, given back when this goes. Throws Failure.
  class Loan {
   public:
    Loan(Pool& pool, Use use);
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan();
    [[nodiscard]] Connection& connection() const { return *slot_.connection; }

   private:
    void open_if_needed(Use use);

    Pool& pool_;
    Slot slot_;
  };

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const std::vector<Keywords>& hosts() const { return hosts_; }

 private:
  class Attempt;

  [[nodiscard]] Slot take_slot();
  void give_back(Slot slot);
  [[nodiscard]] std::unique_ptr<Connection> connect();
  /// Within connect_timeout, of which each host and each of its addresses has its share. Throws
  /// Failure (away) with what each host said.
  [[nodiscard]] std::unique_ptr<Connection> connect_to_any();
  [[nodiscard]] SecretString read_password() const;
  /// Connections of that generation or an older one are not used again, and another host comes
  /// first: one of them went silent, or its server became read-only.
  void distrust(std::uint64_t generation);
  void end_stuck_commits(Connection& connection);

  const Options options_;
  const std::vector<Keywords> hosts_;
  std::atomic<std::size_t> first_host_{0};
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<bool> any_stuck_{false};

  std::mutex mutex_;  // for what follows
  std::condition_variable returned_;
  std::vector<Slot> idle_;    // those without a connection first
  std::string away_because_;  // empty: not known to be away
  SteadyTime next_attempt_{};
  bool attempting_{false};                  // while away
  std::vector<std::string> stuck_commits_;  // sessions to be ended
};

}  // namespace grantd::storage::postgres
