#include "server/jose/mac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include <stdexcept>
#include <string>

#include "server/jose/openssl.h"

namespace grantd::jose {
namespace {

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// HMAC with its digest set but without a key, to be copied.
EVP_MAC_CTX* make_keyless_hmac() {
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
  EVP_MAC_CTX* const context = mac == nullptr ? nullptr : EVP_MAC_CTX_new(mac);
  std::string digest = OSSL_DIGEST_NAME_SHA2_256;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  if (context == nullptr || EVP_MAC_CTX_set_params(context, params) != 1) {
    throw_openssl_failure("HMAC");
  }
  return context;
}

}  // namespace

void throw_openssl_failure(const char* what) {
  ERR_clear_error();
  throw std::runtime_error(std::string("OpenSSL failed: ") + what);
}

const EVP_MD* sha256_algorithm() {
  // Lives as long as the process: OpenSSL's own clean-up at exit may come before ours.
  static const EVP_MD* const algorithm = [] {
    const EVP_MD* md = EVP_MD_fetch(nullptr, OSSL_DIGEST_NAME_SHA2_256, nullptr);
    if (md == nullptr) throw_openssl_failure("SHA-256");
    return md;
  }();
  return algorithm;
}

Sha256 hmac_sha256(std::span<const std::uint8_t> key, std::string_view message) {
  static const EVP_MAC_CTX* const keyless = make_keyless_hmac();
  // A null key would mean "the one before".
  static constexpr std::uint8_t empty_key = 0;
  const std::uint8_t* const key_octets = key.empty() ? &empty_key : key.data();
  const MacContext context(EVP_MAC_CTX_dup(keyless));
  Sha256 mac{};
  std::size_t size = 0;
  if (context == nullptr || EVP_MAC_init(context.get(), key_octets, key.size(), nullptr) != 1 ||
      EVP_MAC_update(context.get(), octets(message), message.size()) != 1 ||
      EVP_MAC_final(context.get(), mac.data(), &size, mac.size()) != 1 || size != mac.size()) {
    throw_openssl_failure("HMAC-SHA-256");
  }
  return mac;
}

Sha256 sha256(std::string_view message) {
  Sha256 digest{};
  unsigned size = 0;
  if (EVP_Digest(message.data(), message.size(), digest.data(), &size, sha256_algorithm(),
                 nullptr) != 1 ||
      size != digest.size()) {
    throw_openssl_failure("SHA-256");
  }
  return digest;
}

bool equal_in_constant_time(const Sha256& a, const Sha256& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace grantd::jose
