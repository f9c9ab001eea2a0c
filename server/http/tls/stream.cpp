#include "server/http/tls/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <new>
#include <utility>

namespace grantd::http::tls {
namespace {

using boost::asio::awaitable;
using boost::asio::ip::tcp;

/// Not use_awaitable, which makes a coroutine of its own of each wait.
constexpr auto as_result = boost::asio::as_tuple(boost::asio::deferred);

/// SSL_get_error() looks into the thread's error queue, in which others leave things.
void empty_error_queue() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace

Stream::Stream(tcp::socket socket, const Context* context) : socket_(std::move(socket)) {
  boost::system::error_code ignored;  // both fail only where the peer is gone already
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  if (context == nullptr) return;
  wire_ = std::make_unique<Wire>(socket_.native_handle());
  ssl_ = SSL_new(context->native());
  if (ssl_ == nullptr || !wire_->attach(ssl_)) {
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
    const Outcome waited = co_await ready(need);
    if (waited != Outcome::done) {
      broken_ = true;
      co_return waited;
    }
  }
}

awaitable<Stream::Outcome> Stream::ready(Need need) {
  if (expired_) co_return Outcome::expired;
  if (need == Need::never) co_return Outcome::closed;
  if (need == Need::readable && wire_) {
    if (wire_->empty()) {
      const auto [error, bytes] = co_await socket_.async_receive(
          boost::asio::buffer(wire_->room().data(), wire_->room().size()), as_result);
      if (error == boost::asio::error::operation_aborted) co_return Outcome::expired;
      wire_->received(error ? 0 : bytes);
    } else {
      co_await boost::asio::post(socket_.get_executor(), boost::asio::deferred);
    }
    co_return expired_ ? Outcome::expired : Outcome::done;
  }
  const auto type = need == Need::writable ? tcp::socket::wait_write : tcp::socket::wait_read;
  const auto [error] = co_await socket_.async_wait(type, as_result);
  // The flag, not the error, decides: the wait may have been over when expire() came.
  if (expired_ || error == boost::asio::error::operation_aborted) co_return Outcome::expired;
  co_return error ? Outcome::closed : Outcome::done;
}

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
    const auto [error] = co_await socket_.async_wait(tcp::socket::wait_read, as_result);
    if (error) co_return;
  }
}

bool Stream::has_buffered() const {
  return ssl_ != nullptr && (!wire_->empty() || SSL_has_pending(ssl_) == 1);
}

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
  stop_waiting();
}

void Stream::stop_waiting() {
  boost::system::error_code ignored;  // nothing to cancel
  socket_.cancel(ignored);
}

Stream::Need Stream::try_handshake() {
  if (expired_) return Need::never;
  empty_error_queue();
  const int result = SSL_do_handshake(ssl_);
  return result == 1 ? Need::nothing : after_failure(result);
}

Stream::Attempt Stream::try_read(std::span<char> into) {
  if (expired_) return {Need::never, 0};
  if (ssl_ != nullptr) {
    empty_error_queue();
    std::size_t bytes = 0;
    const int result = SSL_read_ex(ssl_, into.data(), into.size(), &bytes);
    return {result == 1 ? Need::nothing : after_failure(result), bytes};
  }
  const auto got = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
  if (got > 0) return {Need::nothing, static_cast<std::size_t>(got)};
  return {got == 0 ? Need::never : after_errno(), 0};
}

Stream::Attempt Stream::try_write(std::string_view from) {
  Attempt attempt{expired_ ? Need::never : Need::nothing, 0};
  while (attempt.need == Need::nothing && attempt.bytes < from.size()) {
    const std::string_view rest = from.substr(attempt.bytes);
    std::size_t bytes = 0;
    if (ssl_ != nullptr) {
      empty_error_queue();
      const int result = SSL_write_ex(ssl_, rest.data(), rest.size(), &bytes);
      if (result != 1) attempt.need = after_failure(result);
    } else {
      const auto sent = ::send(socket_.native_handle(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        attempt.need = after_errno() == Need::readable ? Need::writable : Need::never;
      } else {
        bytes = static_cast<std::size_t>(sent);
      }
    }
    attempt.bytes += bytes;
  }
  // Half a record, or half an answer, stays in the way of whatever would follow.
  if (attempt.need == Need::never) broken_ = true;
  return attempt;
}

Stream::Need Stream::after_failure(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return Need::readable;
    case SSL_ERROR_WANT_WRITE:
      return Need::writable;
    case SSL_ERROR_ZERO_RETURN:
      return Need::never;
    default:  // SSL_ERROR_SSL, SSL_ERROR_SYSCALL: SSL_shutdown must not follow
      broken_ = true;
      return Need::never;
  }
}

/// For reads; EINTR cannot come with non-blocking calls that never sleep, and is retried by a wait.
Stream::Need Stream::after_errno() {
  const bool again = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  return again ? Need::readable : Need::never;
}

}  // namespace grantd::http::tls
