#include "server/jose/aes.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <utility>

#include "server/jose/openssl.h"

namespace grantd::jose {
namespace {

constexpr std::size_t wrap_overhead = 8;  // RFC 3394 §2.2.1: one more block of 64 bits

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

/// Lives as long as the process, as sha256_algorithm() does.
const EVP_CIPHER* cipher(const char* name) {
  const EVP_CIPHER* const algorithm = EVP_CIPHER_fetch(nullptr, name, nullptr);
  if (algorithm == nullptr) throw_openssl_failure(name);
  return algorithm;
}

/// Lives as long as the process, too.
const EVP_CIPHER* a256gcm() {
  static const EVP_CIPHER* const algorithm = cipher("AES-256-GCM");
  return algorithm;
}

}  // namespace

Aes256Key::~Aes256Key() { OPENSSL_cleanse(octets.data(), octets.size()); }

Sealed seal_a256gcm(const Aes256Key& key, const GcmNonce& nonce, std::string_view associated_data,
                    std::string_view plaintext) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  Sealed sealed;
  sealed.ciphertext.resize(plaintext.size());
  sealed.tag.resize(gcm_tag_octets);
  int written = 0;
  int rest = 0;
  if (context == nullptr ||
      EVP_EncryptInit_ex2(context.get(), a256gcm(), key.octets.data(), nonce.data(), nullptr) !=
          1 ||
      EVP_EncryptUpdate(context.get(), nullptr, &written, octets(associated_data),
                        static_cast<int>(associated_data.size())) != 1 ||
      EVP_EncryptUpdate(context.get(), octets(sealed.ciphertext), &written, octets(plaintext),
                        static_cast<int>(plaintext.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), octets(sealed.ciphertext) + written, &rest) != 1 ||
      static_cast<std::size_t>(written) + static_cast<std::size_t>(rest) != plaintext.size() ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(gcm_tag_octets),
                          sealed.tag.data()) != 1) {
    throw_openssl_failure("A256GCM");
  }
  return sealed;
}

std::optional<SecretString> open_a256gcm(const Aes256Key& key, const GcmNonce& nonce,
                                         std::string_view associated_data,
                                         std::string_view ciphertext, std::string_view tag) {
  if (tag.size() != gcm_tag_octets) return std::nullopt;
  const CipherContext context(EVP_CIPHER_CTX_new());
  std::string plaintext(ciphertext.size(), '\0');
  std::string expected_tag(tag);  // OpenSSL takes it through a pointer that is not const
  int written = 0;
  int rest = 0;
  if (context == nullptr ||
      EVP_DecryptInit_ex2(context.get(), a256gcm(), key.octets.data(), nonce.data(), nullptr) !=
          1 ||
      EVP_DecryptUpdate(context.get(), nullptr, &written, octets(associated_data),
                        static_cast<int>(associated_data.size())) != 1 ||
      EVP_DecryptUpdate(context.get(), octets(plaintext), &written, octets(ciphertext),
                        static_cast<int>(ciphertext.size())) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(gcm_tag_octets),
                          expected_tag.data()) != 1) {
    cleanse(plaintext);
    throw_openssl_failure("A256GCM");
  }
  // What was decrypted before the tag was compared is nobody's.
  if (EVP_DecryptFinal_ex(context.get(), octets(plaintext) + written, &rest) != 1) {
    ERR_clear_error();
    cleanse(plaintext);
    return std::nullopt;
  }
  return SecretString(std::move(plaintext));
}

std::string wrap_a256kw(const Aes256Key& key, const Aes256Key& content_key) {
  static const EVP_CIPHER* const algorithm = cipher("AES-256-WRAP");
  const CipherContext context(EVP_CIPHER_CTX_new());
  std::string wrapped(content_key.octets.size() + wrap_overhead, '\0');
  int written = 0;
  int rest = 0;
  if (context == nullptr) throw_openssl_failure("A256KW");
  // Without the flag OpenSSL refuses the wrap modes: its guard against using them as a cipher.
  EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  if (EVP_EncryptInit_ex2(context.get(), algorithm, key.octets.data(), nullptr, nullptr) != 1 ||
      EVP_EncryptUpdate(context.get(), octets(wrapped), &written, content_key.octets.data(),
                        static_cast<int>(content_key.octets.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), octets(wrapped) + written, &rest) != 1 ||
      static_cast<std::size_t>(written) + static_cast<std::size_t>(rest) != wrapped.size()) {
    throw_openssl_failure("A256KW");
  }
  return wrapped;
}

}  // namespace grantd::jose
