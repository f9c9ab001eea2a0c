/// A PostgreSQL of the tests' own: real initdb, a Unix socket and loopback TCP in a directory of
/// its own, run as an unprivileged user where the tests run as root. Nothing of it is left behind,
/// however the test ends (Keeper).
///
/// The programs come from the newest /usr/lib/postgresql/*/bin, build/tools/postgresql/bin or PATH.
/// Where there are none, whoever needs them throws with a sentence that names the package: no test
/// is skipped in silence.
///
/// Two roles: `postgres`, the superuser, for the tests alone; `grantd`, who owns the databases that
/// create_database makes, as in an installation. Throws std::runtime_error where something
/// fails. Threads: one at a time for a server; any for query() and the databases.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/keeper.h"
#include "tests/support/process.h"

namespace grantd::testing {

/// Runs SQL and gives back its last result as `psql -At` shows it: rows by lines, columns by '|',
/// NULL empty. Throws with the server's message.
std::string query(const std::string& url, const std::string& sql);

/// A running server: where databases are made.
class TestPostgres {
 public:
  /// The one that CTest started for the whole run (GRANTD_TEST_POSTGRES names the file that says
  /// where), else one that this process starts at the first call and stops at its end. Without
  /// fsync: what is shared is never crashed.
  static TestPostgres& shared();

  TestPostgres(std::filesystem::path socket_directory, std::uint16_t port)
      : socket_directory_(std::move(socket_directory)), port_(port) {}
  virtual ~TestPostgres() = default;
  TestPostgres(const TestPostgres&) = delete;
  TestPostgres& operator=(const TestPostgres&) = delete;

  /// A fresh database of `grantd`; its url(). A copy of the database of the URL `like` where given,
  /// to which nobody may be connected.
  [[nodiscard]] std::string create_database(const std::string& like = {}) const;
  /// Whoever is connected to it is thrown out. It may be gone already.
  void drop_database(const std::string& url) const;

  /// postgresql://grantd@127.0.0.1:PORT/NAME?sslmode=disable
  [[nodiscard]] std::string url(const std::string& database = "postgres") const;
  /// The same by the Unix socket.
  [[nodiscard]] std::string socket_url(const std::string& database = "postgres",
                                       const std::string& user = "grantd") const;
  /// As the superuser, by the Unix socket.
  [[nodiscard]] std::string admin_url(const std::string& database = "postgres") const {
    return socket_url(database, "postgres");
  }
  /// What stands behind the last '/' of the URL's path.
  [[nodiscard]] static std::string database_of(const std::string& url);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::filesystem::path& socket_directory() const { return socket_directory_; }

 protected:
  TestPostgres() = default;

  std::filesystem::path socket_directory_;
  std::uint16_t port_{0};
};

/// A database that goes with its owner.
class TestDatabase {
 public:
  explicit TestDatabase(TestPostgres& server = TestPostgres::shared(), const std::string& like = {})
      : server_(server), url_(server.create_database(like)) {}
  ~TestDatabase() {
    try {
      server_.drop_database(url_);
    } catch (const std::exception&) {
      // The server may be down: the database goes with it.
    }
  }
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  TestPostgres& server_;
  std::string url_;
};

/// A server that a test may stop, crash, pause and promote.
class PostgresServer : public TestPostgres {
 public:
  struct Options {
    /// Lines of postgresql.conf.
    std::map<std::string, std::string> settings{};
    /// fsync and full_page_writes, as in an installation; else neither.
    bool durable{false};
    /// `grantd` must show this one over TCP (SCRAM-SHA-256); else nobody is asked for any.
    std::optional<std::string> password{};
    /// TLS on TCP for localhost and 127.0.0.1, under the authority of ca_file().
    bool tls{false};
  };
  enum class Stop { fast, immediate };

  /// Started.
  PostgresServer() : PostgresServer(Options{}) {}
  explicit PostgresServer(const Options& options);
  ~PostgresServer() override;
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// On the same port as before.
  void start();
  /// fast: clients are thrown out, then it shuts down in order. immediate: as if it had crashed.
  void stop(Stop mode = Stop::fast);
  /// SIGKILL to all its processes at once.
  void kill();
  /// SIGSTOP to all its processes: connections stay open, and nobody answers.
  void pause();
  void resume();

  /// A streaming replica of this one, started; the primary knows it by `application_name`. Not
  /// synchronous before set("synchronous_standby_names", …).
  [[nodiscard]] PostgresServer replica(const std::string& application_name);
  /// Makes a replica a primary; returns when it takes writes.
  void promote();

  /// ALTER SYSTEM SET, and a reload of the configuration.
  void set(const std::string& setting, const std::string& value);
  /// Replaces the password of `grantd`.
  void set_password(const std::string& password);

  [[nodiscard]] std::string ca_file() const { return directory_ / "ca.crt"; }
  [[nodiscard]] std::string log() const;
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

  /// One URL for several servers: libpq takes the first that takes writes.
  [[nodiscard]] static std::string url_of(const std::vector<const PostgresServer*>& servers,
                                          const std::string& database);

  /// Gives the server to process `owner`: it lives as long as that one, or until stop_detached().
  /// Its directory, whose file `address` holds it, the port and the URL of a fresh database. For
  /// postgres_fixture alone.
  static std::filesystem::path start_detached(pid_t owner, const Options& options);
  static void stop_detached(const std::filesystem::path& directory);

 private:
  struct Detached {
    pid_t owner{-1};
  };
  PostgresServer(Detached detached, const Options& options);
  PostgresServer(PostgresServer& primary, const std::string& application_name);

  void make_directory();
  void initialise(const Options& options);
  void add_settings(const std::map<std::string, std::string>& settings) const;
  void write_certificates() const;
  void run_as_server(const std::string& program, const std::vector<std::string>& arguments) const;
  void give_to_server(const std::filesystem::path& file) const;
  void signal_all(int number) const;
  [[nodiscard]] std::filesystem::path data() const { return directory_ / "data"; }

  std::filesystem::path directory_;
  std::unique_ptr<Keeper> keeper_;  // absent: detached
};

}  // namespace grantd::testing
