/// A blocking HTTPS client on OpenSSL itself, for tests: it sends exactly the octets it is told to,
/// well-formed or not, and shows what came back. Plain TCP where no CA file is given.
///
/// A peer that is silent for `silence_limit` throws, so that no test hangs.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grantd::testing {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  int status{0};  // 0: the connection was closed before a whole response had come
  Headers headers{};
  std::string body{};

  /// The first value of the field, names compared without case; empty where it is missing.
  [[nodiscard]] std::string header(std::string_view name) const;
  [[nodiscard]] bool has_header(std::string_view name) const;
};

class TlsClient {
 public:
  struct Options {
    std::string ca_file{};  // empty: plain TCP
    int min_version{0};     // of TLS; 0: OpenSSL's own
    int max_version{0};
    std::vector<std::string> alpn{};
    std::shared_ptr<SSL_SESSION> session{};  // to resume
    int receive_buffer_bytes{0};             // SO_RCVBUF, for a slow reader
    bool handshake{true};                    // false: only connect; complete_handshake() later
  };
  static constexpr std::chrono::seconds silence_limit{20};

  /// Throws std::runtime_error where there is no connection, or the handshake fails.
  TlsClient(const std::string& host, std::uint16_t port, const std::string& ca_file);
  TlsClient(const std::string& host, std::uint16_t port, const Options& options);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  void complete_handshake();
  void send_raw(std::string_view octets);
  /// `head`: the response to a HEAD request, which has no content.
  [[nodiscard]] HttpResponse read_response(bool head = false);
  /// All that comes until the peer closes.
  [[nodiscard]] std::string read_to_close();
  /// Adds Host and, with a body or POST, Content-Length; reads the response.
  HttpResponse request(const std::string& method, const std::string& path,
                       const Headers& headers = {}, const std::string& body = {});

  [[nodiscard]] std::string alpn() const;
  [[nodiscard]] std::string version() const;
  [[nodiscard]] bool resumed() const;
  /// Only after a response was read: tickets come behind the handshake.
  [[nodiscard]] std::shared_ptr<SSL_SESSION> session() const;
  /// close_notify, and no more octets from here; answers can still be read.
  void end_sending();
  /// Closes the socket with a reset, without close_notify.
  void vanish();

 private:
  [[nodiscard]] bool read_more();

  std::string host_;
  int socket_{-1};
  SSL_CTX* context_{nullptr};
  SSL* ssl_{nullptr};
  std::string unread_;
};

}  // namespace grantd::testing
