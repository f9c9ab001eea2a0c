#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/http/accept.h"

/// A field that does not name a type never asks for it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view accept(reinterpret_cast<const char*>(data), size);
  const bool asked = grantd::http::asks_for(accept, "a/b", "application/json");
  if (asked && accept.find_first_of("aA") == std::string_view::npos) std::abort();
  return 0;
}
