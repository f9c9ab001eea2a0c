#include "server/http/tls/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <new>
#include <utility>

namespace grantd::http::tls {
namespace {

using boost::asio::awaitable;
using boost::asio::ip::tcp;

constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace

Stream::Stream(tcp::socket socket, const Context* context) : socket_(std::move(socket)) {
  boost::system::error_code ignored;  // both fail only where the peer is gone already
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  if (context == nullptr) return;
  ssl_ = SSL_new(context->native());
  if (ssl_ == nullptr || SSL_set_fd(ssl_, socket_.native_handle()) != 1) {
    SSL_free(ssl_);
    throw std::bad_alloc();
  }
  SSL_set_accept_state(ssl_);
}

Stream::~Stream() { SSL_free(ssl_); }

awaitable<Stream::Outcome> Stream::handshake() {
  if (ssl_ == nullptr) co_return Outcome::done;
  for (;;) {
    const Need need = try_handshake();
    if (need == Need::nothing) co_return Outcome::done;
    const Outcome waited = co_await wait_for(need);
    if (waited != Outcome::done) {
      broken_ = true;
      co_return waited;
    }
  }
}

awaitable<Stream::Transfer> Stream::read_some(std::span<char> into) {
  for (;;) {
    if (expired_) co_return Transfer{Outcome::expired, 0};
    std::size_t bytes = 0;
    const Need need = try_read(into, bytes);
    if (need == Need::nothing) co_return Transfer{Outcome::done, bytes};
    const Outcome waited = co_await wait_for(need);
    if (waited != Outcome::done) co_return Transfer{waited, 0};
  }
}

awaitable<Stream::Outcome> Stream::write(std::string_view all) {
  while (!all.empty()) {
    std::size_t bytes = 0;
    const Need need = expired_ ? Need::closed : try_write(all, bytes);
    if (need == Need::nothing) {
      all.remove_prefix(bytes);
      continue;
    }
    const Outcome waited = co_await wait_for(need);
    if (waited != Outcome::done) {
      broken_ = true;
      co_return waited;
    }
  }
  co_return Outcome::done;
}

awaitable<Stream::Outcome> Stream::wait_readable() { return wait_for(Need::readable); }

awaitable<void> Stream::discard(std::size_t max_bytes) {
  std::array<char, 512> sink{};  // small: it lives in the coroutine's frame
  while (!expired_) {
    const auto got = ::recv(socket_.native_handle(), sink.data(), sink.size(), MSG_DONTWAIT);
    if (got > 0) {
      const auto bytes = static_cast<std::size_t>(got);
      if (bytes >= max_bytes) co_return;
      max_bytes -= bytes;
      continue;
    }
    if (got == 0 || after_errno() != Need::readable) co_return;
    if (co_await wait_for(Need::readable) != Outcome::done) co_return;
  }
}

bool Stream::has_buffered() const { return ssl_ != nullptr && SSL_has_pending(ssl_) == 1; }

bool Stream::has_arrived() {
  char octet = 0;
  return has_buffered() || ::recv(socket_.native_handle(), &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void Stream::close_writing() {
  if (ssl_ != nullptr && !broken_) {
    ERR_clear_error();
    SSL_shutdown(ssl_);  // 0 means sent; the peer's close_notify is not waited for
    broken_ = true;
  }
  boost::system::error_code ignored;  // not connected any more
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void Stream::expire() {
  expired_ = true;
  boost::system::error_code ignored;  // nothing to cancel
  socket_.cancel(ignored);
}

Stream::Need Stream::try_handshake() {
  if (expired_) return Need::closed;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  return result == 1 ? Need::nothing : after_failure(result);
}

Stream::Need Stream::try_read(std::span<char> into, std::size_t& bytes) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_, into.data(), into.size(), &bytes);
    return result == 1 ? Need::nothing : after_failure(result);
  }
  const auto got = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
  if (got == 0) return Need::closed;
  if (got < 0) return after_errno();
  bytes = static_cast<std::size_t>(got);
  return Need::nothing;
}

Stream::Need Stream::try_write(std::string_view from, std::size_t& bytes) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int result = SSL_write_ex(ssl_, from.data(), from.size(), &bytes);
    return result == 1 ? Need::nothing : after_failure(result);
  }
  const auto sent = ::send(socket_.native_handle(), from.data(), from.size(), MSG_NOSIGNAL);
  if (sent < 0) {
    return after_errno() == Need::readable ? Need::writable : Need::closed;
  }
  bytes = static_cast<std::size_t>(sent);
  return Need::nothing;
}

Stream::Need Stream::after_failure(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return Need::readable;
    case SSL_ERROR_WANT_WRITE:
      return Need::writable;
    case SSL_ERROR_ZERO_RETURN:
      return Need::closed;
    default:  // SSL_ERROR_SSL, SSL_ERROR_SYSCALL: SSL_shutdown must not follow
      broken_ = true;
      return Need::closed;
  }
}

/// For reads; EINTR cannot come with non-blocking calls that never sleep, and is retried by a wait.
Stream::Need Stream::after_errno() {
  const bool again = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  return again ? Need::readable : Need::closed;
}

awaitable<Stream::Outcome> Stream::wait_for(Need need) {
  if (expired_) co_return Outcome::expired;
  if (need == Need::closed) co_return Outcome::closed;
  const auto type = need == Need::writable ? tcp::socket::wait_write : tcp::socket::wait_read;
  const auto [error] = co_await socket_.async_wait(type, as_result);
  // The flag, not the error, decides: the wait may have been over when expire() came.
  if (expired_) co_return Outcome::expired;
  co_return error ? Outcome::closed : Outcome::done;
}

}  // namespace grantd::http::tls
