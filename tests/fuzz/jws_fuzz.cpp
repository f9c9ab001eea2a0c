#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/jose/base64url.h"
#include "server/jose/jws.h"

/// The input as a whole token, and as the header of one, which a fuzzer would not find behind the
/// base64.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace jose = grantd::jose;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto whole = jose::parse_compact(text);
  if (whole && (whole->kid.empty() || whole->signature.empty())) std::abort();

  const std::string token = jose::base64url(text) + ".e30.AA";
  const auto header = jose::parse_compact(token);
  if (header && header->signing_input != std::string_view(token).substr(0, token.size() - 3)) {
    std::abort();
  }
  return 0;
}
