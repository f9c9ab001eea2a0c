#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/jose/rsa_key.h"

/// A key that is taken yields a JWK that names the same key.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using grantd::jose::RsaPublicKey;
  const auto key = RsaPublicKey::from_jwk({reinterpret_cast<const char*>(data), size});
  if (!key) return 0;
  const auto again = RsaPublicKey::from_jwk((*key)->jwk());
  if (!again || (*again)->kid() != (*key)->kid()) std::abort();
  return 0;
}
