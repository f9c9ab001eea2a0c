#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/jose/jwe.h"

/// A key that is taken, out of a JWK or a JWK Set, has a name and can be encrypted to.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace grantd::jose;
  static grantd::SystemRandom random;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto alg : {KeyManagement::rsa_oaep_256, KeyManagement::ecdh_es_a256kw}) {
    for (const auto& key :
         {EncryptionKey::from_jwk(text, alg), EncryptionKey::from_jwks(text, alg)}) {
      if (!key) continue;
      if ((*key)->kid().empty()) std::abort();
      if (!looks_like_jwe(encrypt_compact(**key, "at+jwt", "a.b.c", random))) std::abort();
    }
  }
  return 0;
}
