/// Load on a cluster, and what may be said of it afterwards: clients that fetch tokens, verifiers
/// that cache the JWKS, clients that revoke, an operator who changes clients.
///
/// Each class runs threads of its own from construction to stop(), and comes by `port` (HAProxy's)
/// on connections that it gives up now and then, so that it meets every node. A connection that
/// breaks is no failure: its node was killed. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "server/jose/rsa_key.h"
#include "tests/support/test_server.h"
#include "tests/support/tls_client.h"

namespace grantd::testing {

/// Where the load goes, and as whom.
struct LoadTarget {
  std::uint16_t port{0};
  std::string ca_file{};
  std::string client_id{};
  std::string secret{};
};

/// A connection that is made anew where it broke, and after `requests_each` requests.
class LoadConnection {
 public:
  static constexpr int requests_each = 40;

  explicit LoadConnection(const LoadTarget& target) : target_(target) {}
  /// Absent where the connection broke.
  std::optional<HttpResponse> get(const std::string& path);
  std::optional<HttpResponse> post(const std::string& path, const std::string& form);

 private:
  std::optional<HttpResponse> request(const std::string& method, const std::string& path,
                                      const Headers& headers, const std::string& body);

  const LoadTarget& target_;
  std::unique_ptr<TlsClient> client_;
  int left_{0};
};

/// A resource server's view: it caches the JWKS for exactly `max_age` after it was received, and
/// asks for nothing in between, not even where it meets a kid that it does not know.
class CachingVerifier {
 public:
  CachingVerifier(const LoadTarget& target, std::chrono::milliseconds max_age)
      : target_(target), max_age_(max_age) {}
  /// Asks until a node gives the JWKS, where the cached one is too old; false where `stop` comes.
  bool refresh(const std::stop_token& stop);
  [[nodiscard]] bool verify(const std::string& token) const;
  /// For a fault's message: how old what is cached is, and its kids.
  [[nodiscard]] std::string state() const;

 private:
  const LoadTarget& target_;
  std::chrono::milliseconds max_age_;
  std::chrono::steady_clock::time_point received_{};
  std::map<std::string, std::shared_ptr<const jose::RsaPublicKey>, std::less<>> keys_;
};

/// `threads` clients, each with a verifier of its own that looks at every token at once.
class TokenLoad {
 public:
  struct Options {
    int threads{4};
    std::chrono::milliseconds pause{8};
    std::chrono::milliseconds jwks_max_age{1000};
    std::uint16_t jwks_port{0};  // where the verifiers ask; 0: where the tokens come from
  };
  TokenLoad(LoadTarget target, Options options);
  void stop();

  /// Of all that signed so far.
  [[nodiscard]] std::set<std::string> kids() const;
  std::atomic<int> issued{0};
  std::atomic<int> unavailable{0};  // 503
  std::atomic<int> broken{0};       // connections
  /// What must not be: an answer other than 200 and 503, a token that does not verify.
  [[nodiscard]] std::vector<std::string> faults() const;

 private:
  void run(const std::stop_token& stop);
  void take(const std::string& token, const CachingVerifier& verifier);

  LoadTarget target_;
  LoadTarget jwks_;
  Options options_;
  mutable std::mutex mutex_;
  std::set<std::string> kids_;
  std::vector<std::string> faults_;
  std::vector<std::jthread> threads_;
};

/// Gets tokens and revokes them; every fourth it leaves alone.
class RevocationLoad {
 public:
  struct Seen {
    std::string token{};
    std::chrono::steady_clock::time_point at{};
    bool revoked{false};  // acknowledged with 200; else never asked for
  };
  RevocationLoad(LoadTarget target, std::chrono::milliseconds pause);
  void stop();

  [[nodiscard]] std::vector<Seen> seen() const;
  std::atomic<int> acknowledged{0};
  std::atomic<int> refused{0};  // 503: with Retry-After
  [[nodiscard]] std::vector<std::string> faults() const;

 private:
  void run(const std::stop_token& stop, std::chrono::milliseconds pause);

  LoadTarget target_;
  mutable std::mutex mutex_;
  std::vector<Seen> seen_;
  std::vector<std::string> faults_;
  std::jthread thread_;
};

/// Creates a client, adds a secret, disables every other one, by the command line on `server`'s
/// configuration.
class OperatorLoad {
 public:
  /// What a command said was done.
  struct Done {
    std::string client_id{};
    std::optional<std::string> second_secret_id{};
    bool disabled{false};
  };
  OperatorLoad(TestServer& server, std::chrono::milliseconds pause);
  void stop();

  [[nodiscard]] std::vector<Done> done() const;
  std::atomic<int> refused{0};

 private:
  void run(const std::stop_token& stop, std::chrono::milliseconds pause);

  TestServer& server_;
  mutable std::mutex mutex_;
  std::vector<Done> done_;
  std::jthread thread_;
};

}  // namespace grantd::testing
