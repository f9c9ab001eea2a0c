/// The event loops with their listeners: accepts connections, hands each to a loop in turn, and
/// drains what is in flight when told to stop, at once or after what balances the load has noticed.
///
/// Public and operations listener share this code; the latter has no TLS.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/base/snapshot.h"
#include "server/http/router.h"
#include "server/http/tls/context.h"
#include "server/observe/log.h"
#include "server/observe/metrics.h"

namespace grantd::http {

/// A reload replaces them whole; each connection looks at them anew for each request.
struct Limits {
  std::size_t max_body_bytes{16 * 1024};
  std::size_t max_header_bytes{8 * 1024};
  std::size_t max_connections{10000};
  std::chrono::milliseconds handshake_timeout{5000};
  std::chrono::milliseconds request_timeout{10000};
  std::chrono::milliseconds idle_timeout{60000};
  /// Between SIGTERM and the stop.
  std::chrono::milliseconds drain{0};
};

/// What one listener serves. The pointers outlive the server.
struct Listener {
  std::string address{};
  std::uint16_t port{0};  // 0: any free one
  const Router* router{nullptr};
  const Snapshot<tls::Context>* tls{nullptr};  // null: plain HTTP
  bool log_requests{true};                     // false: neither log line nor request metrics
};

class Server {
 public:
  struct Dependencies {
    const Clock& clock;
    Random& random;
    observe::Log& log;
    observe::Metrics& metrics;
    const Snapshot<Limits>& limits;
  };

  /// `loops`: event loops, one thread each; at least 1.
  Server(Dependencies dependencies, std::size_t loops);
  /// Ends handlers that were still suspended at the end of the drain: what they refer to must be
  /// there yet, and no BlockingPool may still be about to resume one (join it first).
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds and listens; the port that was bound. Before run(). Error: one sentence.
  [[nodiscard]] std::expected<std::uint16_t, std::string> listen(const Listener& listener);

  /// What run() calls, each on a loop; those left empty are not called.
  struct Hooks {
    std::function<void()> on_sighup{};  // SIGHUP is kept for it since listen()
    /// SIGTERM came and Limits::drain is not over yet: the load should go elsewhere.
    std::function<void()> on_leaving{};
    /// Requests that wait for something are to end.
    std::function<void()> on_stopping{};
  };

  /// Runs the loops until stop() and the end of what is in flight. SIGINT calls stop(); so does
  /// SIGTERM, after Limits::drain, in which connections are accepted and served as ever, but closed
  /// behind their next answer, and which a second signal ends. SIGPIPE is ignored.
  void run(Hooks hooks);

  /// Stops accepting, closes idle connections, lets requests in flight end (at most `drain_limit`).
  /// Thread-safe, may be called more than once.
  void stop();

  static constexpr std::chrono::seconds drain_limit{10};

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grantd::http
