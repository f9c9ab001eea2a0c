/// AES-256 as JWE uses it: A256GCM (RFC 7518 §5.3) and A256KW (RFC 7518 §4.4, RFC 3394).
///
/// Thread-safe. What cannot fail but where OpenSSL is broken throws.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace grantd::jose {

/// A key in memory, cleansed when it goes.
struct Aes256Key {
  Aes256Key() = default;
  Aes256Key(const Aes256Key&) = delete;
  Aes256Key& operator=(const Aes256Key&) = delete;
  ~Aes256Key();
  std::array<std::uint8_t, 32> octets{};
};

using GcmNonce = std::array<std::uint8_t, 12>;

struct Sealed {
  std::string ciphertext{};
  std::string tag{};  // 16 octets
};

/// One nonce must never be used twice with one key; here every key is used once.
[[nodiscard]] Sealed seal_a256gcm(const Aes256Key& key, const GcmNonce& nonce,
                                  std::string_view associated_data, std::string_view plaintext);

/// `content_key` under `key`, 40 octets.
[[nodiscard]] std::string wrap_a256kw(const Aes256Key& key, const Aes256Key& content_key);

}  // namespace grantd::jose
