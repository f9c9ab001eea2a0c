/// RSA on eight messages side by side in the registers of AVX-512 IFMA, by the distribution's
/// libcrypto_mb (Debian 13 and Ubuntu 24.04: package libcrypto-mb11). Of the library, only its
/// private-key operation by CRT for eight lanes is used. It neither blinds nor checks: a
/// BatchSigner does. Nothing links to it: it is loaded where the configuration asks for it.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "server/keys/rsa_batch.h"

namespace grantd::keys {

class MultiBufferRsa final : public RsaBatch {
 public:
  static constexpr const char* library = "libcrypto_mb.so.11";

  /// Error: what was found and what is expected, for an operator. Of `name`, tests have others.
  [[nodiscard]] static std::expected<std::unique_ptr<MultiBufferRsa>, std::string> load(
      const char* name = library);

  ~MultiBufferRsa() override;

  /// RSA-2048, 3072 and 4096.
  [[nodiscard]] bool takes(int bits) const override;
  void compute(int bits, std::span<const Lane> batch) override;

 private:
  class Library;
  explicit MultiBufferRsa(std::unique_ptr<Library> loaded);
  std::unique_ptr<Library> library_;
};

}  // namespace grantd::keys
