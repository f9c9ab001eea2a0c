#include "tests/support/tls_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace grantd::testing {
namespace {

[[noreturn]] void fail(const std::string& what) {
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  const auto system = std::generic_category().message(errno);
  ERR_clear_error();
  throw std::runtime_error(what + ": " + (reason != nullptr ? std::string(reason) : system));
}

int connect_to(const std::string& host, std::uint16_t port, int receive_buffer_bytes) {
  const bool v6 = host.find(':') != std::string::npos;
  const int socket = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) fail("socket");
  const timeval limit{TlsClient::silence_limit.count(), 0};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (receive_buffer_bytes > 0) {
    setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  }
  sockaddr_in v4_address{};
  v4_address.sin_family = AF_INET;
  v4_address.sin_port = htons(port);
  sockaddr_in6 v6_address{};
  v6_address.sin6_family = AF_INET6;
  v6_address.sin6_port = htons(port);
  const std::string numeric = host == "localhost" ? "127.0.0.1" : host;
  const bool known = v6 ? inet_pton(AF_INET6, numeric.c_str(), &v6_address.sin6_addr) == 1
                        : inet_pton(AF_INET, numeric.c_str(), &v4_address.sin_addr) == 1;
  const int result =
      v6 ? connect(socket, reinterpret_cast<const sockaddr*>(&v6_address), sizeof v6_address)
         : connect(socket, reinterpret_cast<const sockaddr*>(&v4_address), sizeof v4_address);
  if (!known || result != 0) {
    close(socket);
    fail("connect to " + host);
  }
  return socket;
}

std::string alpn_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

HttpResponse parse_head(std::string_view head) {
  HttpResponse response;
  if (!head.starts_with("HTTP/1.") || head.size() < 12) {
    throw std::runtime_error("no HTTP response: " + std::string(head.substr(0, 40)));
  }
  response.status = std::stoi(std::string(head.substr(9, 3)));
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) throw std::runtime_error("a header without a colon");
    response.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    at = end + 2;
  }
  return response;
}

}  // namespace

std::string HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (strcasecmp(key.c_str(), std::string(name).c_str()) == 0) return value;
  }
  return {};
}

bool HttpResponse::has_header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (strcasecmp(key.c_str(), std::string(name).c_str()) == 0) return true;
  }
  return false;
}

TlsClient::TlsClient(const std::string& host, std::uint16_t port, const std::string& ca_file)
    : TlsClient(host, port, Options{ca_file, 0, 0, {}, {}, 0, true}) {}

TlsClient::TlsClient(const std::string& host, std::uint16_t port, const Options& options)
    : host_(host) {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));  // OpenSSL writes with write(2)
  if (!options.ca_file.empty()) {
    context_ = SSL_CTX_new(TLS_client_method());
    if (options.max_version != 0 && options.max_version < TLS1_2_VERSION) {
      SSL_CTX_set_security_level(context_, 0);  // OpenSSL itself would refuse to offer it
    }
    SSL_CTX_set_min_proto_version(context_, options.min_version);
    SSL_CTX_set_max_proto_version(context_, options.max_version);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_locations(context_, options.ca_file.c_str(), nullptr) != 1) {
      SSL_CTX_free(context_);
      fail("load " + options.ca_file);
    }
    ssl_ = SSL_new(context_);
    const std::string alpn = alpn_wire(options.alpn);
    if (!alpn.empty()) {
      SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(alpn.data()),
                          static_cast<unsigned>(alpn.size()));
    }
    if (options.session) SSL_set_session(ssl_, options.session.get());
    if (host == "localhost") {
      SSL_set1_host(ssl_, host.c_str());
      SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               const_cast<char*>(host.c_str()));  // the macro for it casts in the old style
    } else {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str());
    }
  }
  try {
    socket_ = connect_to(host, port, options.receive_buffer_bytes);
    if (ssl_ != nullptr) SSL_set_fd(ssl_, socket_);
    if (options.handshake) complete_handshake();
  } catch (...) {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    if (socket_ >= 0) close(socket_);
    throw;
  }
}

TlsClient::~TlsClient() {
  // A session that was not shut down could not be resumed; sending the alert is not needed for it.
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_) == 1) {
    SSL_set_quiet_shutdown(ssl_, 1);
    SSL_shutdown(ssl_);
  }
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  if (socket_ >= 0) close(socket_);
}

void TlsClient::complete_handshake() {
  if (ssl_ == nullptr) return;
  ERR_clear_error();
  if (SSL_connect(ssl_) != 1) fail("handshake");
}

void TlsClient::send_raw(std::string_view octets) {
  while (!octets.empty()) {
    std::size_t sent = 0;
    if (ssl_ != nullptr) {
      ERR_clear_error();
      if (SSL_write_ex(ssl_, octets.data(), octets.size(), &sent) != 1) fail("send");
    } else {
      const ssize_t result = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
      if (result < 0) fail("send");
      sent = static_cast<std::size_t>(result);
    }
    octets.remove_prefix(sent);
  }
}

bool TlsClient::read_more() {
  std::array<char, 16384> chunk{};
  std::size_t got = 0;
  errno = 0;
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_, chunk.data(), chunk.size(), &got);
    if (result != 1 && SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ) {
      throw std::runtime_error("the peer is silent");
    }
    if (result != 1) return false;
  } else {
    const ssize_t result = ::recv(socket_, chunk.data(), chunk.size(), 0);
    if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      throw std::runtime_error("the peer is silent");
    }
    if (result <= 0) return false;
    got = static_cast<std::size_t>(result);
  }
  unread_.append(chunk.data(), got);
  return true;
}

HttpResponse TlsClient::read_response(bool head) {
  std::size_t end = 0;
  while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more()) return {};
  }
  HttpResponse response = parse_head(std::string_view(unread_).substr(0, end + 2));
  unread_.erase(0, end + 4);
  const bool no_content = head || response.status < 200 || response.status == 204 ||
                          response.status == 304 || !response.has_header("Content-Length");
  const std::size_t length = no_content ? 0 : std::stoull(response.header("Content-Length"));
  while (unread_.size() < length) {
    if (!read_more()) return {};
  }
  response.body = unread_.substr(0, length);
  unread_.erase(0, length);
  return response;
}

std::string TlsClient::read_to_close() {
  while (read_more()) {
  }
  return std::exchange(unread_, {});
}

HttpResponse TlsClient::request(const std::string& method, const std::string& path,
                                const Headers& headers, const std::string& body) {
  const bool v6 = host_.find(':') != std::string::npos;
  std::string out = method + " " + path + " HTTP/1.1\r\nHost: " + (v6 ? "[" + host_ + "]" : host_);
  for (const auto& [name, value] : headers) out += "\r\n" + name + ": " + value;
  if (!body.empty() || method == "POST") {
    out += "\r\nContent-Length: " + std::to_string(body.size());
  }
  send_raw(out + "\r\n\r\n" + body);
  return read_response(method == "HEAD");
}

std::string TlsClient::alpn() const {
  const unsigned char* name = nullptr;
  unsigned bytes = 0;
  SSL_get0_alpn_selected(ssl_, &name, &bytes);
  return {reinterpret_cast<const char*>(name), bytes};
}

std::string TlsClient::version() const { return SSL_get_version(ssl_); }

bool TlsClient::resumed() const { return SSL_session_reused(ssl_) == 1; }

std::shared_ptr<SSL_SESSION> TlsClient::session() const {
  return {SSL_get1_session(ssl_), SSL_SESSION_free};
}

void TlsClient::end_sending() {
  if (ssl_ != nullptr) SSL_shutdown(ssl_);
  shutdown(socket_, SHUT_WR);
}

void TlsClient::vanish() {
  const linger reset{1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(std::exchange(socket_, -1));
}

}  // namespace grantd::testing
