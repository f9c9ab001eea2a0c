#include "server/http/tls/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <stdexcept>

namespace grantd::http::tls {
namespace {

/// Fetched once: a fetch takes a lock each time.
const EVP_CIPHER* ticket_cipher() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return cipher;
}

int ticket_key_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool prepare(const TicketKey& key, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
             EVP_MAC_CTX* mac, bool encrypt) {
  std::array<char, 7> digest{"SHA256"};
  auto mac_key = key.mac_key;  // OSSL_PARAM wants it writable
  const std::array<OSSL_PARAM, 3> parameters{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key.data(), mac_key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  const bool ready = EVP_MAC_CTX_set_params(mac, parameters.data()) == 1 &&
                     EVP_CipherInit_ex(cipher, ticket_cipher(), nullptr, key.cipher_key.data(), iv,
                                       encrypt ? 1 : 0) == 1;
  OPENSSL_cleanse(mac_key.data(), mac_key.size());
  return ready;
}

/// A client uses a ticket of TLS 1.3 once (RFC 8446 §C.4): without a new one, its every other
/// connection would be a full handshake.
bool used_up(const SSL* ssl) { return SSL_version(ssl) >= TLS1_3_VERSION; }

/// SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 go on, 2 go on and renew, 0 no such key, -1 fail.
int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac, int encrypt) noexcept try {
  const auto* keys =
      static_cast<const TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ticket_key_index()));
  const std::span<std::byte, 16> name_bytes(reinterpret_cast<std::byte*>(name), 16);
  if (encrypt == 1) {
    const TicketKey key = keys->impl().current();
    std::ranges::copy(key.name, name_bytes.begin());
    keys->impl().random_fill({reinterpret_cast<std::byte*>(iv), 16});
    return prepare(key, iv, cipher, mac, true) ? 1 : -1;
  }
  const auto found = keys->impl().find(name_bytes);
  if (!found) return 0;
  if (!prepare(found->key, iv, cipher, mac, false)) return -1;
  return found->renew || used_up(ssl) ? 2 : 1;
} catch (...) {
  return -1;  // no randomness: OpenSSL, which is C, fails this handshake
}

}  // namespace

TicketKey::~TicketKey() {
  OPENSSL_cleanse(cipher_key.data(), cipher_key.size());
  OPENSSL_cleanse(mac_key.data(), mac_key.size());
}

TicketKey TicketKeys::Impl::current() {
  const std::lock_guard lock(mutex_);
  rotate_if_due();
  return current_->key;
}

std::optional<TicketKeys::Impl::Found> TicketKeys::Impl::find(std::span<const std::byte, 16> name) {
  const std::lock_guard lock(mutex_);
  rotate_if_due();
  if (std::ranges::equal(current_->key.name, name)) return Found{current_->key, false};
  if (previous_ && std::ranges::equal(previous_->key.name, name)) {
    return Found{previous_->key, true};
  }
  return std::nullopt;
}

void TicketKeys::Impl::rotate_if_due() {
  const SteadyTime now = clock_.steady();
  const auto age = current_ ? now - current_->made : SteadyTime::duration::max();
  if (age < rotate_every) return;
  previous_.reset();
  if (current_ && age < 2 * rotate_every) previous_ = current_;
  current_ = generate(now);
}

TicketKeys::Impl::Generation TicketKeys::Impl::generate(SteadyTime now) {
  Generation made{{}, now};
  random_.fill(made.key.name);
  random_.fill(std::as_writable_bytes(std::span(made.key.cipher_key)));
  random_.fill(std::as_writable_bytes(std::span(made.key.mac_key)));
  return made;
}

TicketKeys::TicketKeys(const Clock& clock, Random& random)
    : impl_(std::make_unique<Impl>(clock, random)) {}
TicketKeys::~TicketKeys() = default;

void use_ticket_keys(SSL_CTX* context, const TicketKeys& keys) {
  // OpenSSL's slot is not const; the callback reads it as const again.
  if (SSL_CTX_set_ex_data(context, ticket_key_index(), const_cast<TicketKeys*>(&keys)) != 1 ||
      SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket) != 1) {
    throw std::runtime_error("OpenSSL takes no session ticket keys");
  }
}

}  // namespace grantd::http::tls
