#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/jose/base64url.h"

/// What decodes has exactly one spelling, and whatever is encoded comes back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace jose = grantd::jose;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto decoded = jose::base64url_decode(text);
  if (decoded && jose::base64url(*decoded) != text) std::abort();
  if (jose::base64url_decode(jose::base64url(text)) != text) std::abort();
  const auto plain = jose::base64_decode(text);
  if (plain && plain->size() > size) std::abort();
  return 0;
}
