/// What TLS needs beside a socket: certificate, private key, ciphers, session tickets.
///
/// TLS 1.2 and 1.3 alone (RFC 9325), forward-secret AEAD suites, X25519 first, ALPN http/1.1, one
/// session ticket a handshake. Ticket keys are shared by all loops and contexts and change every 12
/// hours; a reloaded certificate therefore still resumes.
#pragma once

#include <openssl/types.h>

#include <expected>
#include <filesystem>
#include <memory>
#include <string>

#include "server/base/clock.h"
#include "server/base/random.h"

namespace grantd::http::tls {

/// Session ticket keys: the current one and the one before it, AES-256-CBC with HMAC-SHA-256
/// (RFC 5077 §4). Thread-safe.
class TicketKeys {
 public:
  TicketKeys(const Clock& clock, Random& random);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  static constexpr std::chrono::hours rotate_every{12};

  class Impl;
  [[nodiscard]] Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

class Context {
 public:
  /// Error: one sentence that names the file, what was found and what is expected; also where the
  /// key does not fit the certificate, or where others can read the key.
  [[nodiscard]] static std::expected<std::shared_ptr<const Context>, std::string> make(
      const std::filesystem::path& certificate_file, const std::filesystem::path& private_key_file,
      std::shared_ptr<TicketKeys> ticket_keys);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  [[nodiscard]] SSL_CTX* native() const { return context_; }
  /// When the leaf certificate expires, for the log and a metric.
  [[nodiscard]] sys_seconds not_after() const { return not_after_; }
  /// Set where the private key's group can read it.
  [[nodiscard]] const std::string& warning() const { return warning_; }

 private:
  Context() = default;
  SSL_CTX* context_{nullptr};
  sys_seconds not_after_{};
  std::string warning_{};
  std::shared_ptr<TicketKeys> ticket_keys_;
};

}  // namespace grantd::http::tls
