/// Owners for OpenSSL's objects, and its algorithms, fetched once. Private to jose/.
#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/types.h>

#include <memory>

#include "server/jose/rsa_key.h"

namespace grantd::jose {

template <auto free>
struct Free {
  template <typename T>
  void operator()(T* object) const noexcept {
    free(object);
  }
};

using MacContext = std::unique_ptr<EVP_MAC_CTX, Free<EVP_MAC_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free<EVP_CIPHER_CTX_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Free<EVP_KDF_CTX_free>>;
using ParamBuild = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using BigNumber = std::unique_ptr<BIGNUM, Free<BN_free>>;

/// Never null: throws where OpenSSL has no SHA-256.
[[nodiscard]] const EVP_MD* sha256_algorithm();

/// A public key of OpenSSL's type `type` ("RSA", "EC"); null where it does not accept `params`.
[[nodiscard]] EvpKey public_evp_key(const char* type, OSSL_PARAM* params);

/// For what cannot fail but where memory or the library is broken.
[[noreturn]] void throw_openssl_failure(const char* what);

}  // namespace grantd::jose
