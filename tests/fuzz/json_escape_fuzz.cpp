/// Whatever bytes come in, a JSON string comes out: UTF-8, on one line, without control characters,
/// and where the bytes were UTF-8 it reads back as them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "server/base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string out;
  grantd::append_json_string(out, text);
  if (!grantd::is_utf8(out)) std::abort();
  if (std::ranges::any_of(out, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; })) {
    std::abort();
  }
  const auto parsed = nlohmann::json::parse(out, nullptr, false);
  if (!parsed.is_string()) std::abort();
  if (grantd::is_utf8(text) != (parsed.get_ref<const std::string&>() == text)) std::abort();
  return 0;
}
