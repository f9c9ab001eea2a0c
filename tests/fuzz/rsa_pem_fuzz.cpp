#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/jose/rsa_key.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto key = grantd::jose::RsaPrivateKey::from_pem(text);
  if (key && (*key)->kid().size() != 43) std::abort();
  const auto bare = grantd::jose::RsaPrivateKey::from_der(text);
  if (bare && (*bare)->to_der().view().empty()) std::abort();
  return 0;
}
