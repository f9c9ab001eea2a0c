/// What OpenSSL reads records from and writes them to: a non-blocking socket behind a small buffer.
///
/// OpenSSL asks for a record's 5 octets of head and then for the rest, one call of the kernel each,
/// and asks once more to learn that there is no more. Here one call brings all that has come, at
/// most `buffer_bytes` beside what goes straight into OpenSSL's own buffer, and a call that brought
/// less than there was room for says that the socket is empty. Ciphertext alone passes. One thread.
#pragma once

#include <openssl/types.h>

#include <array>
#include <cstddef>
#include <span>

namespace grantd::http::tls {

class Wire {
 public:
  /// Holds an ordinary request and most client hellos; each connection has one, also while idle.
  static constexpr std::size_t buffer_bytes = 1024;

  /// `descriptor`: non-blocking, outlives this.
  explicit Wire(int descriptor) : descriptor_(descriptor) {}
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire() = default;

  /// Makes `ssl` read and write through this, which outlives it. False: no memory.
  [[nodiscard]] bool attach(SSL* ssl);

  /// Whether octets wait here that OpenSSL has not taken.
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  /// Where somebody else may receive into, while empty; then received() follows.
  [[nodiscard]] std::span<char> room() { return buffer_; }
  /// 0: the peer has ended the connection, or it is broken.
  void received(std::size_t bytes);

  // OpenSSL's side; -1 with `again` set where it would block, 0 at the end.
  [[nodiscard]] int read(std::span<char> into, bool& again);
  [[nodiscard]] int write(std::span<const char> from, bool& again) const;
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  [[nodiscard]] int receive(std::span<char> into, bool& again);

  const int descriptor_;
  std::size_t begin_{0};
  std::size_t end_{0};
  bool drained_{false};  // the last call brought less than it could: ask after readiness alone
  bool ended_{false};
  std::array<char, buffer_bytes> buffer_{};
};

}  // namespace grantd::http::tls
