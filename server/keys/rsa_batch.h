/// The RSA private-key operation on several messages at once: what a BatchSigner computes with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "server/jose/blinded_rsa.h"

namespace grantd::keys {

/// Thread-safe: batches of several event loops run side by side.
class RsaBatch {
 public:
  static constexpr std::size_t lanes = jose::BlindedRsa::lanes;
  /// Below that many, plain OpenSSL is as cheap: a batch costs the same, however many lanes it has.
  static constexpr std::size_t worth_a_batch = 3;

  struct Lane {
    const jose::CrtWords* key{nullptr};
    const std::uint8_t* input{nullptr};  // big-endian, bits / 8 octets, below the modulus
    std::uint8_t* output{nullptr};       // the same, raised to the private exponent
  };

  RsaBatch() = default;
  RsaBatch(const RsaBatch&) = delete;
  RsaBatch& operator=(const RsaBatch&) = delete;
  virtual ~RsaBatch() = default;

  /// Whether it computes with keys of that size.
  [[nodiscard]] virtual bool takes(int bits) const = 0;
  /// At most `lanes`, each of a key of `bits`. A lane that fails is left with an output that is no
  /// result: whoever called proves each one anyway.
  virtual void compute(int bits, std::span<const Lane> batch) = 0;
};

}  // namespace grantd::keys
