/// A grantd of the test's own: the real binary, real TLS, a real SQLite file in a directory that
/// goes with it, or a database of a real PostgreSQL.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"
#include "tests/support/keeper.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_client.h"

namespace grantd::testing {

using nlohmann::json;

inline const std::string api = "https://api.example.com";
inline const std::string client_credentials = "grant_type=client_credentials";

/// "name=value" with both form-encoded, for appending with '&'.
[[nodiscard]] std::string form_encode(std::string_view text);
/// The value of an Authorization header.
[[nodiscard]] std::string basic(std::string_view id, std::string_view secret);

/// libfaketime and the sanitizers' own interposers exclude each other.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool clock_can_be_turned = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool clock_can_be_turned = false;
#else
inline constexpr bool clock_can_be_turned = true;
#endif
#else
inline constexpr bool clock_can_be_turned = true;
#endif

/// Header and claims of a JWT, not verified.
struct DecodedToken {
  json header{};
  json claims{};
};
[[nodiscard]] DecodedToken decode(const std::string& token);
/// Whether the key of its `kid` in `jwks` verifies it.
[[nodiscard]] bool verifies(const std::string& token, const json& jwks);

class TestServer {
 public:
  struct Options {
    /// Merged into the configuration (RFC 7386).
    json config = json::object();
    /// The wall clock stands where turn_clock() puts it (libfaketime); the monotonic one runs on.
    /// Only where clock_can_be_turned.
    bool turnable_clock{false};
    bool start{true};
    /// This database of PostgreSQL instead of the SQLite file; the signing keys are in it, too.
    std::string postgres_url{};
    /// Whether `grantd migrate` runs first. Not where `beside` is given.
    bool migrate{true};
    /// Another node of that one's cluster: the same pepper, wrapping key and certificates; each
    /// knows the clients of the other.
    const TestServer* beside{nullptr};
  };

  TestServer() : TestServer(Options{}) {}
  explicit TestServer(const Options& options);

  /// Stops it, and fails the test where a secret, token or key of the run stands in its output.
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  void start();
  ProcessResult stop();
  /// kill -9.
  void kill();
  void signal(int number) { process_->signal(number); }
  [[nodiscard]] Process& process() { return *process_; }

  /// `grantd ARGUMENTS… --config FILE --json`.
  [[nodiscard]] ProcessResult command(std::vector<std::string> arguments,
                                      std::string_view input = {});
  /// The same, where it must work; its output.
  json command_json(std::vector<std::string> arguments);

  /// Registers a client by `grantd client create`; scope api:read api:write and audience `api`
  /// unless told otherwise. Its secret.
  std::string add_client(const std::string& id, std::vector<std::string> options = {});
  [[nodiscard]] std::string secret(const std::string& id) const;

  [[nodiscard]] TlsClient connect() const;
  [[nodiscard]] TlsClient connect_ops() const;
  [[nodiscard]] HttpResponse get(const std::string& path, const Headers& headers = {}) const;
  /// A form, with the client's credentials by HTTP Basic where `client` is given.
  [[nodiscard]] HttpResponse post(const std::string& path, const std::string& form,
                                  const std::optional<std::string>& client = {},
                                  Headers headers = {}) const;
  [[nodiscard]] HttpResponse token(const std::string& client, const std::string& more = {}) const;
  /// The access token; throws where there is none.
  [[nodiscard]] std::string token_for(const std::string& client,
                                      const std::string& more = {}) const;
  [[nodiscard]] HttpResponse introspect(const std::string& token, const std::string& client) const;
  /// Asks again where the node does not know just now (503).
  [[nodiscard]] bool is_active(const std::string& token, const std::string& client) const;
  [[nodiscard]] HttpResponse revoke(const std::string& token, const std::string& client) const;
  [[nodiscard]] json jwks() const;
  [[nodiscard]] std::string metrics() const;

  /// What must stand in no log: added to what the destructor looks for.
  void is_secret(std::string text) const;

  /// Polls until `condition` holds; false after ten seconds.
  static bool eventually(const std::function<bool()>& condition);

  void write_config(const json& config);
  [[nodiscard]] json& config() { return config_; }
  void turn_clock(sys_seconds now);

  /// What the server wrote to stdout so far, over all its starts.
  [[nodiscard]] std::string log();
  /// The log's lines as JSON; only those of `event` where given.
  [[nodiscard]] std::vector<json> log_lines(std::string_view event = {});
  /// Whether the last request's line comes to hold that text: it may come after the answer.
  [[nodiscard]] bool last_request_logs(const std::string& field, const std::string& text);

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }
  [[nodiscard]] std::string config_file() const { return directory_ / "grantd.json"; }
  [[nodiscard]] std::string ca_file() const { return directory_ / "ca.crt"; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::uint16_t ops_port() const { return ops_port_; }

 private:
  /// Of the clients of a cluster.
  struct Secrets {
    std::mutex mutex{};
    std::map<std::string, std::string> of{};
  };

  void make_files(const TestServer* beside) const;
  [[nodiscard]] json first_config(const Options& options) const;
  [[nodiscard]] ProcessEnvironment environment() const;

  TempDir directory_;
  std::unique_ptr<Keeper> keeper_;  // on PostgreSQL: nobody else would end a node that writes there
  json config_;
  bool turnable_clock_;
  std::shared_ptr<Secrets> secrets_;
  mutable std::mutex seen_mutex_;
  mutable std::vector<std::string> seen_;
  std::string earlier_out_;
  std::string earlier_err_;
  std::uint16_t port_{0};
  std::uint16_t ops_port_{0};
  std::unique_ptr<Process> process_;
};

}  // namespace grantd::testing
