#include "server/http/tls/context.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <array>
#include <ctime>
#include <new>
#include <string_view>
#include <utility>

#include "server/base/files.h"
#include "server/http/tls/openssl.h"
#include "server/http/tls/ticket_keys.h"

namespace grantd::http::tls {
namespace {

constexpr std::size_t max_pem_bytes = 256 * 1024;
constexpr int max_chain_certificates = 10;
constexpr long session_lifetime_seconds = 3600;
constexpr int security_level = 2;  // at least 112 bits: RSA-2048, P-224, SHA-224
constexpr std::string_view http_1_1 = "http/1.1";
/// All contexts share it, so that a session resumes after a reload.
constexpr std::array<unsigned char, 6> session_id_context{'g', 'r', 'a', 'n', 't', 'd'};

using Failure = std::unexpected<std::string>;

Failure fault(const std::filesystem::path& file, const std::string& what) {
  ERR_clear_error();
  return Failure(file.string() + ": " + what);
}

BioPtr memory_bio(std::string_view pem) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) throw std::bad_alloc();
  return bio;
}

/// OpenSSL would ask on the terminal otherwise.
int refuse_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

sys_seconds time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return sys_seconds::min();
  return sys_seconds(std::chrono::seconds(timegm(&parts)));
}

/// RFC 7301 §3.2: a client that offers protocols, but not ours, is told so.
int select_protocol(SSL*, const unsigned char** selected, unsigned char* selected_bytes,
                    const unsigned char* offered, unsigned offered_bytes, void*) {
  for (unsigned at = 0; at < offered_bytes;) {
    const unsigned bytes = offered[at++];
    if (bytes > offered_bytes - at) break;
    const std::string_view name(reinterpret_cast<const char*>(offered + at), bytes);
    if (name == http_1_1) {
      *selected = offered + at;
      *selected_bytes = static_cast<unsigned char>(bytes);
      return SSL_TLSEXT_ERR_OK;
    }
    at += bytes;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// RFC 9325 §3, §4.
bool set_policy(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // Without AUTO_RETRY a flood of key updates ends each read, so that other connections get on.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets carry the state
  SSL_CTX_set_timeout(context, session_lifetime_seconds);
  SSL_CTX_set_security_level(context, security_level);
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
         SSL_CTX_set_ciphersuites(context,
                                  "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                  "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
         SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1 &&
         SSL_CTX_set_num_tickets(context, 1) == 1 &&
         SSL_CTX_set_session_id_context(context, session_id_context.data(),
                                        session_id_context.size()) == 1;
}

/// The leaf first, then its issuers. None where the text ends, or holds something else.
std::expected<sys_seconds, std::string> use_certificates(SSL_CTX* context, std::string_view pem) {
  const BioPtr bio = memory_bio(pem);
  const CertificatePtr leaf(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!leaf) return Failure("holds no PEM certificate that can be read");
  if (SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return Failure("the certificate cannot be used (" + take_openssl_error() + ")");
  }
  for (int count = 0;; ++count) {
    const CertificatePtr issuer(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!issuer) break;
    if (count == max_chain_certificates) {
      return Failure("holds more than " + std::to_string(max_chain_certificates + 1) +
                     " certificates");
    }
    if (SSL_CTX_add1_chain_cert(context, issuer.get()) != 1) {
      return Failure("a chain certificate cannot be used (" + take_openssl_error() + ")");
    }
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return Failure("a chain certificate cannot be read (" + take_openssl_error() + ")");
  }
  ERR_clear_error();
  return time_of(X509_get0_notAfter(leaf.get()));
}

std::expected<void, std::string> use_private_key(SSL_CTX* context, std::string_view pem,
                                                 const std::filesystem::path& certificate_file) {
  bool passphrase_asked = false;
  const BioPtr bio = memory_bio(pem);
  const KeyPtr key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_passphrase, &passphrase_asked));
  if (!key) {
    return Failure(passphrase_asked ? "the private key has a passphrase, a key without one is "
                                      "expected"
                                    : "holds no PEM private key that can be read");
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return Failure("the private key does not belong to the certificate in " +
                   certificate_file.string() + " (" + take_openssl_error() + ")");
  }
  return {};
}

}  // namespace

std::expected<std::shared_ptr<const Context>, std::string> Context::make(
    const std::filesystem::path& certificate_file, const std::filesystem::path& private_key_file,
    std::shared_ptr<TicketKeys> ticket_keys) {
  const auto certificate_pem = read_file(certificate_file, max_pem_bytes);
  if (!certificate_pem) return Failure(certificate_pem.error());
  const auto key_pem = read_private_file(private_key_file, max_pem_bytes);
  if (!key_pem) return Failure(key_pem.error());

  ERR_clear_error();
  std::shared_ptr<Context> made(new Context);
  made->context_ = SSL_CTX_new(TLS_server_method());
  if (made->context_ == nullptr || !set_policy(made->context_)) {
    return Failure("OpenSSL refuses the TLS settings (" + take_openssl_error() + ")");
  }
  made->ticket_keys_ = std::move(ticket_keys);
  use_ticket_keys(made->context_, *made->ticket_keys_);
  const auto not_after = use_certificates(made->context_, *certificate_pem);
  if (!not_after) return fault(certificate_file, not_after.error());
  made->not_after_ = *not_after;
  const auto key = use_private_key(made->context_, key_pem->content.view(), certificate_file);
  if (!key) return fault(private_key_file, key.error());
  made->warning_ = key_pem->warning.value_or("");
  return made;
}

Context::~Context() { SSL_CTX_free(context_); }

}  // namespace grantd::http::tls
