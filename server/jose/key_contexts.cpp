#include "server/jose/key_contexts.h"

#include <openssl/rsa.h>

#include <utility>

namespace grantd::jose {

KeyContext KeyContexts::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      KeyContext context = std::move(idle_.back());
      idle_.pop_back();
      return context;
    }
  }
  KeyContext context(EVP_PKEY_CTX_new(key_, nullptr));
  if (context == nullptr) return nullptr;
  const int begun =
      use_ == Use::sign ? EVP_PKEY_sign_init(context.get()) : EVP_PKEY_verify_init(context.get());
  if (begun != 1 || EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
      EVP_PKEY_CTX_set_signature_md(context.get(), sha256_algorithm()) != 1) {
    return nullptr;
  }
  return context;
}

void KeyContexts::give_back(KeyContext context) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(context));
}

}  // namespace grantd::jose
