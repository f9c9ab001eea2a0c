/// Public keys that tokens are encrypted to, out of a JWK or a JWK Set (RFC 7517 §4, §5; RFC 7518
/// §4.3, §4.6, §6).
///
/// Keys are immutable and may be used by many threads at once.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/jose/rsa_key.h"

namespace grantd::jose {

inline constexpr std::size_t max_jwks_bytes = 64 * 1024;
inline constexpr std::size_t max_encryption_kid_bytes = 255;

/// The `alg` of a JWE: how its content encryption key gets to the reader.
enum class KeyManagement { rsa_oaep_256, ecdh_es_a256kw };

[[nodiscard]] constexpr std::string_view name(KeyManagement alg) {
  switch (alg) {
    case KeyManagement::rsa_oaep_256:
      return "RSA-OAEP-256";
    case KeyManagement::ecdh_es_a256kw:
      return "ECDH-ES+A256KW";
  }
  std::unreachable();
}
[[nodiscard]] std::optional<KeyManagement> key_management_of(std::string_view alg);

/// The curves of RFC 7518 §6.2.1.1.
struct Curve {
  std::string_view crv{};  // the JWK's word, which is OpenSSL's too
  std::size_t coordinate_octets{0};
};

class EncryptionKey {
 public:
  /// One JWK: `use` is "enc", `alg` (where there is one) and `kty` fit `alg`, a `kid` is there,
  /// nothing private is. RSA of min_rsa_bits to max_rsa_bits; EC on P-256, P-384 or P-521, the
  /// point on its curve, coordinates of full length. Other members are ignored. Error: what was
  /// found and what is expected.
  [[nodiscard]] static std::expected<std::shared_ptr<const EncryptionKey>, std::string> from_jwk(
      std::string_view text, KeyManagement alg);

  /// The first key of a set that is meant for `alg`: keys of another use, kty, crv or alg are
  /// passed over (RFC 7517 §5). A fault in the one that is taken, and a private member in any, is
  /// an error: to take an older key instead would hide it. At most max_jwks_bytes.
  [[nodiscard]] static std::expected<std::shared_ptr<const EncryptionKey>, std::string> from_jwks(
      std::string_view text, KeyManagement alg);

  [[nodiscard]] const std::string& kid() const { return kid_; }
  [[nodiscard]] KeyManagement algorithm() const { return algorithm_; }
  /// Of an EC key; null for RSA.
  [[nodiscard]] const Curve* curve() const { return curve_; }
  /// For jose/ alone.
  [[nodiscard]] EVP_PKEY* handle() const { return key_.get(); }

 private:
  EncryptionKey() = default;
  [[nodiscard]] static std::expected<std::shared_ptr<const EncryptionKey>, std::string> make(
      const nlohmann::json& jwk, KeyManagement alg);
  EvpKey key_;
  std::string kid_;
  KeyManagement algorithm_{KeyManagement::rsa_oaep_256};
  const Curve* curve_{nullptr};
};

}  // namespace grantd::jose
