/// AES-256: A256GCM (RFC 7518 §5.3) and A256KW (RFC 7518 §4.4, RFC 3394), as JWE and the wrapping
/// of signing keys use it.
///
/// Thread-safe. What cannot fail but where OpenSSL is broken throws.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/base/secret.h"

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
inline constexpr std::size_t gcm_tag_octets = 16;

struct Sealed {
  std::string ciphertext{};
  std::string tag{};  // gcm_tag_octets
};

/// One nonce must never be used twice with one key: the caller uses the key once, or draws the
/// nonce at random and the key for few things.
[[nodiscard]] Sealed seal_a256gcm(const Aes256Key& key, const GcmNonce& nonce,
                                  std::string_view associated_data, std::string_view plaintext);

/// Nothing where key, nonce, `associated_data`, ciphertext and tag do not belong together.
[[nodiscard]] std::optional<SecretString> open_a256gcm(const Aes256Key& key, const GcmNonce& nonce,
                                                       std::string_view associated_data,
                                                       std::string_view ciphertext,
                                                       std::string_view tag);

/// `content_key` under `key`, 40 octets.
[[nodiscard]] std::string wrap_a256kw(const Aes256Key& key, const Aes256Key& content_key);

}  // namespace grantd::jose
