/// What parse_duration and parse_size take, they write back as text that reads the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto duration = grantd::parse_duration(text)) {
    if (duration->count() < 0) std::abort();
    if (grantd::parse_duration(grantd::format_duration(*duration)) != duration) std::abort();
  }
  if (const auto bytes = grantd::parse_size(text)) {
    if (grantd::parse_size(grantd::format_size(*bytes)) != bytes) std::abort();
  }
  return 0;
}
