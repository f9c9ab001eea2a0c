#include "tests/support/test_postgres.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <sys/shm.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "server/base/random.h"
#include "server/http/tls/development_certificates.h"
#include "tests/support/free_port.h"
#include "tests/support/temp_dir.h"

namespace grantd::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* nothing_to_run =
    "There is no PostgreSQL server to test with: install the package postgresql "
    "(Debian, Ubuntu), version 15 or later.";

/// Where initdb, pg_ctl and the rest are.
fs::path find_programs() {
  std::error_code none;
  fs::path newest;
  int version = 0;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none)) {
    const auto name = entry.path().filename().string();
    int found = 0;
    std::from_chars(name.data(), name.data() + name.size(), found);
    if (found > version && fs::exists(entry.path() / "bin/initdb")) {
      version = found;
      newest = entry.path() / "bin";
    }
  }
  if (!newest.empty()) return newest;
  fs::path tools = fs::path(GRANTD_SOURCE_DIR) / "build/tools/postgresql/bin";
  if (fs::exists(tools / "initdb")) return tools;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (fs::exists(fs::path(folder) / "initdb")) return folder;
  }
  throw std::runtime_error(nothing_to_run);
}

const fs::path& programs() {
  static const fs::path found = find_programs();
  return found;
}

struct User {
  uid_t uid{0};
  gid_t gid{0};
};

/// PostgreSQL refuses to run as root.
User server_user() {
  if (::geteuid() != 0) return {::geteuid(), ::getegid()};
  std::array<char, 4096> texts{};
  for (const char* name : {"postgres", "nobody"}) {
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(name, &entry, texts.data(), texts.size(), &found) == 0 && found != nullptr) {
      return {entry.pw_uid, entry.pw_gid};
    }
  }
  throw std::runtime_error("there is no user postgres or nobody to run PostgreSQL as");
}

struct ConnectionDeleter {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};

std::string shown(const PGresult* result) {
  std::string text;
  for (int row = 0; row < PQntuples(result); ++row) {
    if (row > 0) text += '\n';
    for (int column = 0; column < PQnfields(result); ++column) {
      if (column > 0) text += '|';
      text += PQgetvalue(result, row, column);
    }
  }
  return text;
}

std::string percent_encoded(const std::string& path) {
  std::string out;
  for (const char c : path) out += c == '/' ? "%2F" : std::string(1, c);
  return out;
}

/// For a value in postgresql.conf and a literal in SQL alike.
std::string quoted(const std::string& value) {
  std::string out = "'";
  for (const char c : value) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

}  // namespace

std::string query(const std::string& url, const std::string& sql) {
  const std::unique_ptr<PGconn, ConnectionDeleter> connection(PQconnectdb(url.c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    throw std::runtime_error(PQerrorMessage(connection.get()));
  }
  PQsetNoticeProcessor(connection.get(), [](void*, const char*) {}, nullptr);
  const std::unique_ptr<PGresult, ResultDeleter> result(PQexec(connection.get(), sql.c_str()));
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    throw std::runtime_error(PQerrorMessage(connection.get()));
  }
  return shown(result.get());
}

// --- databases --------------------------------------------------------------------------------

TestPostgres& TestPostgres::shared() {
  static const std::unique_ptr<TestPostgres> server = []() -> std::unique_ptr<TestPostgres> {
    const char* file = std::getenv("GRANTD_TEST_POSTGRES");
    if (file == nullptr || !fs::exists(file)) return std::make_unique<PostgresServer>();
    std::istringstream in(read_text(file));
    std::string directory;
    std::uint16_t port = 0;
    if (!(in >> directory >> port)) return std::make_unique<PostgresServer>();
    return std::make_unique<TestPostgres>(directory, port);
  }();
  return *server;
}

std::string TestPostgres::create_database(const std::string& like) const {
  SystemRandom random;
  const auto name = "test_" + random_hex(random, 8);
  std::string sql = "CREATE DATABASE " + name + " OWNER grantd";
  if (!like.empty()) sql += " TEMPLATE " + database_of(like);
  query(admin_url(), sql);
  return url(name);
}

void TestPostgres::drop_database(const std::string& url) const {
  query(admin_url(), "DROP DATABASE IF EXISTS " + database_of(url) + " WITH (FORCE)");
}

std::string TestPostgres::url(const std::string& database) const {
  return "postgresql://grantd@127.0.0.1:" + std::to_string(port_) + "/" + database +
         "?sslmode=disable";
}

std::string TestPostgres::socket_url(const std::string& database, const std::string& user) const {
  return "postgresql://" + user + "@/" + database +
         "?host=" + percent_encoded(socket_directory_.string()) + "&port=" + std::to_string(port_);
}

std::string TestPostgres::database_of(const std::string& url) {
  const auto path = url.substr(0, url.find('?'));
  return path.substr(path.rfind('/') + 1);
}

// --- one server -------------------------------------------------------------------------------

PostgresServer::PostgresServer(const Options& options) {
  make_directory();
  keeper_ = std::make_unique<Keeper>(directory_);
  initialise(options);
}

PostgresServer::PostgresServer(Detached detached, const Options& options) {
  make_directory();
  Keeper::keep_for(detached.owner, directory_);
  initialise(options);
}

PostgresServer::PostgresServer(PostgresServer& primary, const std::string& application_name) {
  make_directory();
  keeper_ = std::make_unique<Keeper>(directory_);
  run_as_server("pg_basebackup", {"--pgdata", data(), "--write-recovery-conf", "--checkpoint=fast",
                                  "--no-sync", "--wal-method=stream", "--dbname",
                                  primary.admin_url() + "&application_name=" + application_name});
  add_settings({{"port", std::to_string(port_)},
                {"unix_socket_directories", directory_},
                {"cluster_name", application_name}});
  start();
}

PostgresServer::~PostgresServer() {
  if (!keeper_) return;
  try {
    resume();
    stop(Stop::immediate);
  } catch (const std::exception&) {
    // It may have been down already; the keeper looks after the rest.
  }
}

void PostgresServer::make_directory() {
  std::string pattern = (fs::temp_directory_path() / "grantd-pg-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
  socket_directory_ = directory_;
  port_ = free_port();
  fs::permissions(directory_,
                  fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  give_to_server(directory_);
}

void PostgresServer::give_to_server(const fs::path& file) const {
  const auto user = server_user();
  if (::chown(file.c_str(), user.uid, user.gid) != 0) {
    throw std::runtime_error("cannot give " + file.string() + " to PostgreSQL's user");
  }
}

void PostgresServer::run_as_server(const std::string& program,
                                   const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{"env", "-C", directory_};
  if (::geteuid() == 0) {
    const auto user = server_user();
    command.insert(command.end(), {"setpriv", "--reuid", std::to_string(user.uid), "--regid",
                                   std::to_string(user.gid), "--clear-groups", "--"});
  }
  command.push_back(programs() / program);
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto result = run(command, {{"LC_ALL", "C"}});
  if (result.status != 0) {
    throw std::runtime_error(program + ": " + result.out + result.err + log());
  }
}

void PostgresServer::initialise(const Options& options) {
  run_as_server("initdb", {"--pgdata", data(), "--username=postgres", "--auth=trust",
                           "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"});
  std::map<std::string, std::string> settings{
      {"listen_addresses", "127.0.0.1"},
      {"port", std::to_string(port_)},
      {"unix_socket_directories", directory_},
      {"fsync", options.durable ? "on" : "off"},
      {"full_page_writes", options.durable ? "on" : "off"},
      {"max_connections", "200"},
      {"shared_buffers", "32MB"},
      {"max_wal_size", "256MB"},
      {"wal_keep_size", "128MB"},  // a replica that was away finds what it missed
      {"jit", "off"},              // its library may be missing
      // In the data directory rather than in /dev/shm, so that it goes with it.
      {"dynamic_shared_memory_type", "mmap"},
      {"ssl", options.tls ? "on" : "off"}};
  if (options.tls) {
    write_certificates();
    settings["ssl_cert_file"] = directory_ / "server.crt";
    settings["ssl_key_file"] = directory_ / "server.key";
  }
  for (const auto& [name, value] : options.settings) settings[name] = value;
  add_settings(settings);
  write_text(data() / "pg_hba.conf", std::string("local all all trust\n") +
                                         "host all all 127.0.0.1/32 " +
                                         (options.password ? "scram-sha-256" : "trust") + "\n" +
                                         "local replication all trust\n");
  start();
  query(admin_url(), "CREATE ROLE grantd LOGIN");
  if (options.password) set_password(*options.password);
}

void PostgresServer::write_certificates() const {
  const auto now = floor_seconds(std::chrono::system_clock::now());
  const auto certificates = http::tls::make_development_certificates(now).value();
  write_text(directory_ / "ca.crt", certificates.ca_certificate_pem, 0644);
  write_text(directory_ / "server.crt", certificates.server_certificate_pem, 0644);
  write_text(directory_ / "server.key", std::string(certificates.server_private_key_pem.view()));
  give_to_server(directory_ / "server.key");
}

void PostgresServer::add_settings(const std::map<std::string, std::string>& settings) const {
  std::ofstream out(data() / "postgresql.conf", std::ios::app);
  for (const auto& [name, value] : settings) out << name << " = " << quoted(value) << '\n';
}

void PostgresServer::start() {
  run_as_server("pg_ctl", {"start", "--pgdata", data(), "--wait", "--timeout=30", "--silent",
                           "--log", directory_ / "log"});
}

void PostgresServer::stop(Stop mode) {
  run_as_server("pg_ctl", {"stop", "--pgdata", data(), "--wait", "--timeout=30", "--silent",
                           "--mode", mode == Stop::fast ? "fast" : "immediate"});
}

void PostgresServer::signal_all(int number) const {
  // The first is the postmaster: once it is stopped or gone, it starts no more children.
  for (int round = 0; round < 2; ++round) {
    for (const pid_t pid : Keeper::processes_in(data())) ::kill(pid, number);
  }
}

void PostgresServer::kill() {
  while (!Keeper::processes_in(data()).empty()) {
    signal_all(SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  // What tells the next start that somebody may still be there: the System V segment whose number
  // is the second of the file's seventh line, and the file with the number of a process that nobody
  // may have waited for yet.
  const auto file = data() / "postmaster.pid";
  std::ifstream in(file);
  std::string line;
  for (int i = 0; i < 7; ++i) std::getline(in, line);
  std::istringstream numbers(line);
  long key = 0;
  int segment = -1;
  if (numbers >> key >> segment) ::shmctl(segment, IPC_RMID, nullptr);
  fs::remove(file);
  fs::remove(directory_ / (".s.PGSQL." + std::to_string(port_) + ".lock"));
}

void PostgresServer::pause() { signal_all(SIGSTOP); }
void PostgresServer::resume() { signal_all(SIGCONT); }

PostgresServer PostgresServer::replica(const std::string& application_name) {
  return {*this, application_name};
}

void PostgresServer::promote() {
  run_as_server("pg_ctl", {"promote", "--pgdata", data(), "--wait", "--timeout=30", "--silent"});
}

void PostgresServer::set(const std::string& setting, const std::string& value) {
  query(admin_url(), "ALTER SYSTEM SET " + setting + " = " + quoted(value));
  query(admin_url(), "SELECT pg_reload_conf()");
}

void PostgresServer::set_password(const std::string& password) {
  query(admin_url(), "ALTER ROLE grantd PASSWORD " + quoted(password));
}

std::string PostgresServer::log() const {
  return fs::exists(directory_ / "log") ? read_text(directory_ / "log") : std::string();
}

std::string PostgresServer::url_of(const std::vector<const PostgresServer*>& servers,
                                   const std::string& database) {
  std::string hosts;
  for (const auto* server : servers) {
    hosts += (hosts.empty() ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(server->port());
  }
  return "postgresql://grantd@" + hosts + "/" + database +
         "?sslmode=disable&target_session_attrs=read-write";
}

// --- the fixture of CTest ---------------------------------------------------------------------

fs::path PostgresServer::start_detached(pid_t owner, const Options& options) {
  PostgresServer server(Detached{owner}, options);
  write_text(server.directory_ / "address",
             server.directory_.string() + " " + std::to_string(server.port_) + " " +
                 server.create_database() + "\n",
             0644);
  return server.directory_;
}

void PostgresServer::stop_detached(const fs::path& directory) {
  if (fs::exists(directory)) const Keeper done_at_once(directory);
}

}  // namespace grantd::testing
