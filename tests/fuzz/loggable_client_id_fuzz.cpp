/// What loggable_client_id lets through is short and holds nothing that looks like a secret.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/observe/log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string shown = grantd::observe::loggable_client_id(text);
  if (shown.size() > 64) std::abort();
  if (shown.contains("gds_") || shown.contains("eyJ")) std::abort();
  if (shown != "[redacted]" && !text.starts_with(shown)) std::abort();
  return 0;
}
