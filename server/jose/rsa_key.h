/// RSA keys for RS256 (RFC 7518 §3.3, RFC 7517, RFC 7638), on OpenSSL's EVP_PKEY.
///
/// Keys are immutable and may be used by many threads at once.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "server/base/secret.h"

namespace grantd::jose {

inline constexpr int min_rsa_bits = 2048;
inline constexpr int max_rsa_bits = 8192;
inline constexpr int generated_rsa_bits = 2048;
/// More than a PKCS#8 PEM of max_rsa_bits needs.
inline constexpr std::size_t max_pem_bytes = 16 * 1024;

struct EvpKeyFree {
  void operator()(EVP_PKEY* key) const noexcept;
};
using EvpKey = std::unique_ptr<EVP_PKEY, EvpKeyFree>;

class BlindedRsa;
class KeyContexts;

class RsaPublicKey {
 public:
  ~RsaPublicKey();
  RsaPublicKey(const RsaPublicKey&) = delete;
  RsaPublicKey& operator=(const RsaPublicKey&) = delete;

  /// From a JWK of kty RSA with n and e (min_rsa_bits to max_rsa_bits, odd e of 3 or more and at
  /// most 64 bits). Other members are ignored; private ones (d, p, q …) are refused.
  [[nodiscard]] static std::expected<std::shared_ptr<const RsaPublicKey>, std::string> from_jwk(
      std::string_view json);

  /// RFC 7638: SHA-256 of {"e","kty","n"}, base64url, 43 characters.
  [[nodiscard]] const std::string& kid() const { return kid_; }
  /// {"kty":"RSA","use":"sig","alg":"RS256","kid":…,"n":…,"e":…}
  [[nodiscard]] const std::string& jwk() const { return jwk_; }

  /// `signature`: raw octets.
  [[nodiscard]] bool verify_rs256(std::string_view signing_input, std::string_view signature) const;

 private:
  friend class RsaPrivateKey;
  RsaPublicKey();
  /// Modulus and exponent as big-endian octets.
  [[nodiscard]] static std::expected<std::shared_ptr<const RsaPublicKey>, std::string> make(
      const std::string& n, const std::string& e);
  EvpKey key_;
  std::unique_ptr<KeyContexts> verifying_;
  std::string kid_;
  std::string jwk_;
};

class RsaPrivateKey {
 public:
  ~RsaPrivateKey();
  RsaPrivateKey(const RsaPrivateKey&) = delete;
  RsaPrivateKey& operator=(const RsaPrivateKey&) = delete;

  /// A new key of generated_rsa_bits. Takes 50 to 500 ms of CPU: never on an event loop.
  [[nodiscard]] static std::expected<std::shared_ptr<const RsaPrivateKey>, std::string> generate();

  /// Unencrypted PKCS#8 ("BEGIN PRIVATE KEY"), one key, nothing around it but white space, its
  /// parts consistent with each other. Takes up to seconds for max_rsa_bits. Error: what was found
  /// and what is expected.
  [[nodiscard]] static std::expected<std::shared_ptr<const RsaPrivateKey>, std::string> from_pem(
      std::string_view pem);

  /// The same out of the bare DER of the PKCS#8 (RFC 5958 §2), nothing behind it.
  [[nodiscard]] static std::expected<std::shared_ptr<const RsaPrivateKey>, std::string> from_der(
      std::string_view der);

  [[nodiscard]] SecretString to_pem() const;
  [[nodiscard]] SecretString to_der() const;
  [[nodiscard]] const std::shared_ptr<const RsaPublicKey>& public_key() const { return public_; }
  [[nodiscard]] const std::string& kid() const { return public_->kid(); }

  /// Raw signature octets; empty where OpenSSL failed.
  [[nodiscard]] std::string sign_rs256(std::string_view signing_input) const;
  /// For a signer that has the RSA operation computed elsewhere; made when it is first asked for,
  /// and gone with the key. Null where the key does not qualify (blinded_rsa.h).
  [[nodiscard]] const BlindedRsa* blinded() const;

 private:
  RsaPrivateKey();
  [[nodiscard]] static std::expected<std::shared_ptr<const RsaPrivateKey>, std::string> adopt(
      EvpKey key);
  EvpKey key_;
  std::unique_ptr<KeyContexts> signing_;
  std::shared_ptr<const RsaPublicKey> public_;
  mutable std::once_flag blinded_once_;
  mutable std::shared_ptr<const BlindedRsa> blinded_;
};

}  // namespace grantd::jose
