/// ECDH-ES+A256KW (RFC 7518 §4.6): a content encryption key, wrapped under a key that only the
/// owner of the EC key can agree on too. Private to jose/.
///
/// Thread-safe. What cannot fail but where OpenSSL is broken throws.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "server/jose/aes.h"
#include "server/jose/encryption_key.h"

namespace grantd::jose {

/// What goes into the derivation beside the shared secret (RFC 7518 §4.6.2); its party's
/// information is not in base64url here.
struct KdfInfo {
  std::string_view algorithm{};
  std::string_view party_u{};
  std::string_view party_v{};
};

/// The Concat KDF of NIST SP 800-56A §5.8.1 with SHA-256; fills all of `out`.
void concat_kdf(std::string_view shared_secret, const KdfInfo& info, std::span<std::uint8_t> out);

struct AgreedKey {
  std::string epk{};            // the ephemeral public key, as a JWK
  std::string encrypted_key{};  // octets
};

/// `key` is an EC key. The ephemeral key is new each time; its randomness is OpenSSL's own.
[[nodiscard]] AgreedKey wrap_ecdh_es(const EncryptionKey& key, const Aes256Key& content_key);

}  // namespace grantd::jose
