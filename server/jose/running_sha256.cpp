#include "server/jose/running_sha256.h"

#include "server/jose/openssl.h"

namespace grantd::jose {

struct RunningSha256::State {
  DigestContext context{EVP_MD_CTX_new()};
};

RunningSha256::RunningSha256() : state_(std::make_unique<State>()) {
  if (state_->context == nullptr ||
      EVP_DigestInit_ex2(state_->context.get(), sha256_algorithm(), nullptr) != 1) {
    throw_openssl_failure("SHA-256");
  }
}

RunningSha256::~RunningSha256() = default;
RunningSha256::RunningSha256(RunningSha256&&) noexcept = default;
RunningSha256& RunningSha256::operator=(RunningSha256&&) noexcept = default;

void RunningSha256::add(std::string_view part) {
  if (EVP_DigestUpdate(state_->context.get(), part.data(), part.size()) != 1) {
    throw_openssl_failure("SHA-256");
  }
}

Sha256 RunningSha256::finish() {
  Sha256 digest{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size) != 1 ||
      size != digest.size()) {
    throw_openssl_failure("SHA-256");
  }
  return digest;
}

}  // namespace grantd::jose
