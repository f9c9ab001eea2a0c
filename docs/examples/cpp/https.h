/// HTTPS for the example services, Beast hidden inside: a client and a server whose calls look
/// synchronous and whose time-outs hold all the same, because each connection runs its own small
/// event loop on the thread that uses it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

namespace example {

using Headers = std::map<std::string, std::string>;  // names in lower case

/// The other side could not be reached, or did not answer in time.
struct Unreachable : std::runtime_error {
  Unreachable(const std::string& what, bool timed_out_);
  bool timed_out;
};

struct Call {
  std::string method = "GET";
  std::string url{};  // https://host[:port]/path; no other scheme
  Headers headers{};
  std::string body{};
  std::chrono::milliseconds time_out{5000};  // each step: connect, handshake, send, answer
};

struct Answer {
  int status = 0;
  Headers headers{};
  std::string body{};
};

class Connection;

/// Trusts the authorities in `ca_file` and no others, and checks host names. Keeps at most
/// `max_idle` connections; at most `max_calls` calls are under way, others wait for their turn. Any
/// number of threads.
class HttpsClient {
 public:
  static constexpr std::size_t max_idle = 16;
  static constexpr std::size_t max_calls = 64;
  static constexpr int max_tries = 3;  // after a failure to connect, or a 503; with jitter between

  explicit HttpsClient(const std::string& ca_file);
  ~HttpsClient();

  /// Throws Unreachable. A kept connection that the server has closed meanwhile is replaced, so
  /// that a call may reach the server twice: all that the services call can bear that.
  [[nodiscard]] Answer send(const Call& call, std::stop_token stop = {});

 private:
  struct Origin;
  Answer attempt(const Call& call, const Origin& origin, std::stop_token stop);
  std::unique_ptr<Connection> take_idle(const std::string& origin);
  void keep_idle(const std::string& origin, std::unique_ptr<Connection> connection);

  struct Tls;
  std::unique_ptr<Tls> tls_;
  std::mutex mutex_;
  std::condition_variable turn_;
  std::size_t calls_ = 0;
  std::multimap<std::string, std::unique_ptr<Connection>> idle_;
};

struct Request {
  std::string method{}, path{};  // the path without its query
  Headers headers{};             // repeated ones joined by ", "
  std::string body{};

  [[nodiscard]] std::string header(const std::string& lower_case_name) const;
};

struct Response {
  int status = 200;
  std::string body{};
  Headers headers{};
};

using Handler = std::function<Response(const Request&)>;

/// Where to listen: `unix_path` (plain HTTP, for a gateway on the same machine) or an address with
/// a certificate, whose files are read anew when they change.
struct Listen {
  std::string address{};
  std::uint16_t port = 0;
  std::string certificate_file{}, key_file{};
  std::string unix_path{};
};

/// Serves until SIGTERM or SIGINT, then lets requests that have begun finish. One thread serves one
/// connection; `workers` bounds both.
void serve(const Listen& listen, const Handler& handler);
inline constexpr std::size_t workers = 64;

[[nodiscard]] Response json_error(int status, const std::string& error);

}  // namespace example
