/// The one stream type: TLS on a non-blocking socket by way of a Wire, or the bare socket where
/// there is no SSL_CTX (operations listener).
///
/// OpenSSL reads and writes by the Wire, whose 1 KB is all that an idle connection holds of
/// records: 16 KB with the session, against 77 KB for asio::ssl::stream. What need not wait is a
/// plain function: try_read(), try_write(); who is told that it must wait awaits ready(), and tries
/// again. One thread, one operation at a time.
#pragma once

#include <openssl/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "server/http/tls/context.h"
#include "server/http/tls/wire.h"

namespace grantd::http::tls {

class Stream {
 public:
  /// `closed`: by the peer, or broken; nothing more can be sent. `expired`: expire() was called, or
  /// stop_waiting() while nothing had come.
  enum class Outcome { done, closed, expired };
  /// What an attempt lacks; `never` where no waiting helps, and ready() says why.
  enum class Need { nothing, readable, writable, never };
  struct Attempt {
    Need need{Need::never};
    std::size_t bytes{0};
  };

  /// `context`: null for plain TCP.
  Stream(boost::asio::ip::tcp::socket socket, const Context* context);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] boost::asio::awaitable<Outcome> handshake();
  /// At least one octet where nothing is needed.
  [[nodiscard]] Attempt try_read(std::span<char> into);
  /// As much as the socket takes; a need is only reported where that is less than all.
  [[nodiscard]] Attempt try_write(std::string_view from);
  /// Until what `need` names is worth another attempt. Lets others on the loop run first where that
  /// is the case already: a peer that sends without a pause must not hold them up.
  [[nodiscard]] boost::asio::awaitable<Outcome> ready(Need need);
  /// Reads and drops what the peer still sends, until it closes. Closing a socket with unread
  /// octets resets it, and the peer would lose the answer (RFC 9112 §9.6).
  [[nodiscard]] boost::asio::awaitable<void> discard(std::size_t max_bytes);

  /// Whether octets that were read from the socket wait already, decrypted or not.
  [[nodiscard]] bool has_buffered() const;
  /// Whether the peer has sent octets that were not read yet.
  [[nodiscard]] bool has_arrived();

  /// Sends close_notify where the peer can still read it, and ends the sending side.
  void close_writing();

  /// Ends the operation under way, and every later one, with `expired`.
  void expire();
  /// Ends a ready() under way, unless something has come for it.
  void stop_waiting();
  /// Allows operations again: for the answer that says that the time was up.
  void rearm() { expired_ = false; }

 private:
  [[nodiscard]] Need try_handshake();
  [[nodiscard]] Need after_failure(int result);
  [[nodiscard]] Need after_errno();

  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<Wire> wire_;  // null for plain TCP
  SSL* ssl_{nullptr};
  bool expired_{false};
  bool broken_{false};  // no alert may follow: the TLS state, or a record, is half done
};

}  // namespace grantd::http::tls
