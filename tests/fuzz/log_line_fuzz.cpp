/// Whatever a value holds, a log line is one line of bounded length, in JSON one object.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "server/observe/line.h"

namespace {

using namespace grantd::observe;

std::string line_of(Format format, std::string_view value, std::string_view rest) {
  std::string text;
  Line line(text, format, {}, Level::info, "request");
  line.add("client_id", value);
  line.add("reason", rest);
  line.add("status", std::int64_t{401});
  return std::string(line.finish());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view value = text.substr(0, size / 2);
  const std::string_view rest = text.substr(size / 2);
  for (const Format format : {Format::json, Format::text}) {
    std::string line = line_of(format, value, rest);
    if (line.size() > max_line_bytes || line.back() != '\n') std::abort();
    line.pop_back();
    if (std::ranges::any_of(line, [](char c) { return c >= 0 && c < 0x20; })) std::abort();
    if (format == Format::json && !nlohmann::json::accept(line)) std::abort();
  }
  return 0;
}
