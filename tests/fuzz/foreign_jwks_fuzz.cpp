// The JWKS of a foreign issuer, and a token that claims to be its.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/tokens/foreign.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace grantd;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(tokens::parse_jwks(text));
  const tokens::ForeignIssuers issuers{{"https://idp.example.com", {}}};
  static_cast<void>(tokens::issuer_of(text));
  static_cast<void>(tokens::verify_foreign(text, issuers, sys_seconds{},
                                           {std::chrono::seconds(30), std::chrono::hours(1)}));
  return 0;
}
