/// The one stream type: TLS on a non-blocking socket by way of SSL_set_fd, or the bare socket where
/// there is no SSL_CTX (operations listener).
///
/// OpenSSL reads and writes the descriptor itself, so an idle connection holds no record buffers
/// beside it: 18 KB against 77 KB for asio::ssl::stream. An operation that need not wait does not
/// suspend. One thread, one operation at a time. Needs SIGPIPE ignored.
#pragma once

#include <openssl/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <span>
#include <string_view>

#include "server/http/tls/context.h"

namespace grantd::http::tls {

class Stream {
 public:
  /// `closed`: by the peer, or broken; nothing more can be sent. `expired`: expire() was called.
  enum class Outcome { done, closed, expired };
  struct Transfer {
    Outcome outcome{Outcome::closed};
    std::size_t bytes{0};
  };

  /// `context`: null for plain TCP.
  Stream(boost::asio::ip::tcp::socket socket, const Context* context);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] boost::asio::awaitable<Outcome> handshake();
  /// At least one octet where `done`.
  [[nodiscard]] boost::asio::awaitable<Transfer> read_some(std::span<char> into);
  [[nodiscard]] boost::asio::awaitable<Outcome> write(std::string_view all);
  /// Until the socket has something to read, without a buffer to read it into.
  [[nodiscard]] boost::asio::awaitable<Outcome> wait_readable();
  /// Reads and drops what the peer still sends, until it closes. Closing a socket with unread
  /// octets resets it, and the peer would lose the answer (RFC 9112 §9.6).
  [[nodiscard]] boost::asio::awaitable<void> discard(std::size_t max_bytes);

  /// Whether decrypted octets wait already: then no readiness will be reported for them.
  [[nodiscard]] bool has_buffered() const;
  /// Whether the peer has sent octets that were not read yet.
  [[nodiscard]] bool has_arrived();

  /// Sends close_notify where the peer can still read it, and ends the sending side.
  void close_writing();

  /// Ends the operation under way, and every later one, with `expired`.
  void expire();
  /// Allows operations again: for the answer that says that the time was up.
  void rearm() { expired_ = false; }

 private:
  enum class Need { nothing, readable, writable, closed };
  Need try_handshake();
  Need try_read(std::span<char> into, std::size_t& bytes);
  Need try_write(std::string_view from, std::size_t& bytes);
  Need after_failure(int result);
  Need after_errno();
  boost::asio::awaitable<Outcome> wait_for(Need need);

  boost::asio::ip::tcp::socket socket_;
  SSL* ssl_{nullptr};
  bool expired_{false};
  bool broken_{false};  // no alert may follow: the TLS state, or a record, is half done
};

}  // namespace grantd::http::tls
