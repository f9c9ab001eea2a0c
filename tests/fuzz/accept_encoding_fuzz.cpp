#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/http/content_coding.h"

/// A final "gzip;q=0" forbids it, whatever stands before.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(grantd::http::accepts_gzip(text));
  if (grantd::http::accepts_gzip(text + ",gzip;q=0")) std::abort();
  return 0;
}
