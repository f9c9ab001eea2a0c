#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/keys/wrapping.h"

namespace {

/// The file's parser as well as that of a row: the input is taken for both.
const grantd::keys::WrappingKeys& keys() {
  static const auto parsed = grantd::keys::WrappingKeys::parse(std::string(64, 'a'));
  return *parsed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto parsed = grantd::keys::WrappingKeys::parse(text); parsed) {
    if (!parsed->holds(parsed->current())) std::abort();
  }
  // Nobody without the key can make a row that opens.
  grantd::storage::KeyStore::WrappedKey row{std::string(43, 'k'), keys().current(),
                                            std::string(text)};
  if (keys().unwrap(row)) std::abort();
  row.wrapped = '\x01' + std::string(text);
  if (keys().unwrap(row)) std::abort();
  return 0;
}
