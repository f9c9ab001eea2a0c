// What wrk cannot do: new connections that resume a session, and many idle ones. All ask for
// /.well-known/jwks.json on 127.0.0.1, from one thread.
//
//   tls_connections full PORT SECONDS     connect, full handshake, one request, close; again and
//   again tls_connections resumed PORT SECONDS  the same, each with the ticket of the one before
//   tls_connections idle PORT COUNT       opens that many, one request on each, and holds them open
//                                         until its standard input ends
//
// Prints one line of JSON: {"connections": 4711, "resumed": 4710, "seconds": 3.0}; `idle` when all
// are open. The certificate is not verified, as wrk does not either. Exit status 1 where a
// connection fails.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t read_bytes = 16384;  // more than any answer: one read takes it

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "tls_connections: %s failed\n", what);
  std::_Exit(1);
}

void require(bool succeeded, const char* what) {
  if (!succeeded) fail(what);
}

/// A connected TLS client that closes with a close_notify.
class Connection {
 public:
  Connection(SSL_CTX* context, std::uint16_t port, SSL_SESSION* session)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), ssl_(SSL_new(context), SSL_free) {
    require(fd_ >= 0 && ssl_ != nullptr, "socket");
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(port);
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(connect(fd_, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) == 0, "connect");
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL_set_fd(ssl_.get(), fd_);
    if (session != nullptr) SSL_set_session(ssl_.get(), session);
    require(SSL_connect(ssl_.get()) == 1, "handshake");
  }
  Connection(Connection&& other) noexcept : fd_(other.fd_), ssl_(std::move(other.ssl_)) {
    other.fd_ = -1;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection& operator=(Connection&&) = delete;
  ~Connection() {
    if (fd_ < 0) return;
    SSL_shutdown(ssl_.get());
    close(fd_);
  }

  bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }

  /// One request. The answer is read once where the connection stays open, else to its end.
  void get(std::string_view connection) {
    const auto request = "GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\nConnection: " +
                         std::string(connection) + "\r\n\r\n";
    require(SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size())) > 0, "write");
    std::array<char, read_bytes> answer{};
    const auto length = SSL_read(ssl_.get(), answer.data(), static_cast<int>(answer.size()));
    require(length > 0, "read");
    require(std::string_view(answer.data(), static_cast<std::size_t>(length))
                .starts_with("HTTP/1.1 200 "),
            "the request");
    if (connection != "close") return;
    while (SSL_read(ssl_.get(), answer.data(), static_cast<int>(answer.size())) > 0) continue;
  }

 private:
  int fd_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

SSL_SESSION* latest_session = nullptr;

int keep_session(SSL* /*ssl*/, SSL_SESSION* session) {
  SSL_SESSION_free(latest_session);
  latest_session = session;
  return 1;  // its reference is ours now
}

void print(long connections, long resumed, Clock::duration took) {
  std::printf("{\"connections\": %ld, \"resumed\": %ld, \"seconds\": %.3f}\n", connections, resumed,
              std::chrono::duration<double>(took).count());
  std::fflush(stdout);
}

void again_and_again(SSL_CTX* context, std::uint16_t port, double seconds, bool resume) {
  long connections = 0;
  long resumed = 0;
  const auto begun = Clock::now();
  while (std::chrono::duration<double>(Clock::now() - begun).count() < seconds) {
    Connection connection(context, port, resume ? latest_session : nullptr);
    connection.get("close");
    ++connections;
    resumed += connection.resumed() ? 1 : 0;
  }
  print(connections, resumed, Clock::now() - begun);
}

void hold(SSL_CTX* context, std::uint16_t port, long count) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  std::vector<Connection> connections;
  const auto begun = Clock::now();
  for (long i = 0; i < count; ++i) {
    connections.emplace_back(context, port, nullptr).get("keep-alive");
  }
  print(count, 0, Clock::now() - begun);
  while (std::getchar() != EOF) continue;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) {
    std::fputs("usage: tls_connections full|resumed|idle PORT SECONDS|COUNT\n", stderr);
    return 2;
  }
  const std::string_view mode = arguments[1];
  const auto port = static_cast<std::uint16_t>(std::stoi(arguments[2]));
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free};
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  if (mode == "idle") {
    hold(context.get(), port, std::stol(arguments[3]));
  } else {
    again_and_again(context.get(), port, std::stod(arguments[3]), mode == "resumed");
  }
}
