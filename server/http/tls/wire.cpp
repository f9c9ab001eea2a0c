#include "server/http/tls/wire.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

namespace grantd::http::tls {
namespace {

Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

int on_read(BIO* bio, char* into, int bytes) {
  BIO_clear_retry_flags(bio);
  bool again = false;
  const int got = wire_of(bio).read({into, static_cast<std::size_t>(bytes)}, again);
  if (again) BIO_set_retry_read(bio);
  return got;
}

int on_write(BIO* bio, const char* from, int bytes) {
  BIO_clear_retry_flags(bio);
  bool again = false;
  const int sent = wire_of(bio).write({from, static_cast<std::size_t>(bytes)}, again);
  if (again) BIO_set_retry_write(bio);
  return sent;
}

long on_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return wire_of(bio).ended() ? 1 : 0;
    default:  // OpenSSL's commands are many; 0 declines (no kernel TLS, nothing pending)
      return 0;
  }
}

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
  if (method == nullptr || BIO_meth_set_read(method, on_read) != 1 ||
      BIO_meth_set_write(method, on_write) != 1 || BIO_meth_set_ctrl(method, on_control) != 1) {
    throw std::bad_alloc();
  }
  return method;
}

}  // namespace

bool Wire::attach(SSL* ssl) {
  static BIO_METHOD* const method = make_method();  // for as long as the process lives
  BIO* bio = BIO_new(method);
  if (bio == nullptr) return false;
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);  // takes it over, for both directions
  return true;
}

void Wire::received(std::size_t bytes) {
  begin_ = 0;
  end_ = bytes;
  drained_ = bytes < buffer_.size();
  ended_ = bytes == 0;
}

int Wire::read(std::span<char> into, bool& again) {
  if (empty()) {
    if (into.size() >= buffer_.size()) return receive(into, again);
    const int got = receive(buffer_, again);
    if (got <= 0) return got;
    begin_ = 0;
    end_ = static_cast<std::size_t>(got);
  }
  const std::size_t bytes = std::min(into.size(), end_ - begin_);
  std::memcpy(into.data(), buffer_.data() + begin_, bytes);
  begin_ += bytes;
  return static_cast<int>(bytes);
}

int Wire::receive(std::span<char> into, bool& again) {
  if (ended_) return 0;
  if (drained_) {
    again = true;
    return -1;
  }
  const auto got = ::recv(descriptor_, into.data(), into.size(), MSG_DONTWAIT);
  if (got > 0) {
    drained_ = static_cast<std::size_t>(got) < into.size();
    return static_cast<int>(got);
  }
  again = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  drained_ = again;
  ended_ = !again;
  return again ? -1 : 0;
}

int Wire::write(std::span<const char> from, bool& again) const {
  const auto sent = ::send(descriptor_, from.data(), from.size(), MSG_NOSIGNAL);
  again = sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return static_cast<int>(sent);
}

}  // namespace grantd::http::tls
