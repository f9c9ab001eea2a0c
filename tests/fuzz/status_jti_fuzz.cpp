#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/tokens/status_reference.h"

namespace {

/// What is read is written back as it stood: there is one way to name an entry.
void check(std::string_view jti) {
  namespace tokens = grantd::tokens;
  const auto status = tokens::status_of_jti(jti);
  if (!status) return;
  if (!tokens::is_jti(jti) || status->list == 0) std::abort();
  if (status->index >= tokens::max_status_list_capacity) std::abort();
  if (jti.substr(tokens::jti_random_digits) != tokens::jti_suffix(*status)) std::abort();
}

}  // namespace

/// The input as a whole jti, and behind the digits, which a fuzzer would not find.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(text);
  check("0123456789abcdef0123456789abcdef" + text);
  check("0123456789abcdef0123456789abcdef." + text);
  static_cast<void>(grantd::tokens::parse_status_list_id(text));
  return 0;
}
