/// Any octets, in pieces of any size: the parser refuses or takes them, and what it takes has the
/// shape that endpoints rely on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "server/http/framing.h"
#include "server/http/request_parser.h"

namespace {

constexpr std::size_t max_header_bytes = 512;
constexpr std::size_t max_body_bytes = 256;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const grantd::http::Request& request) {
  require(request.body.size() <= max_body_bytes);
  require(request.path == "*" || request.path.starts_with('/'));
  require(request.path.find_first_of("?# \r\n") == std::string_view::npos);
  require(request.has_authorization || request.authorization.empty());
}

/// Feeds `data` in pieces of `step` octets; how many requests were taken.
std::size_t run(const uint8_t* data, std::size_t size, std::size_t step) {
  using grantd::http::RequestParser;
  grantd::http::ReadBuffer input;
  std::size_t taken = 0;
  auto parser = std::make_unique<RequestParser>(max_header_bytes, max_body_bytes);
  for (std::size_t at = 0; at < size;) {
    const std::size_t bytes = std::min(step, size - at);
    std::memcpy(input.prepare(bytes).data(), data + at, bytes);
    input.commit(bytes);
    at += bytes;
    while (!input.empty()) {
      const auto progress = parser->feed(input);
      if (!progress) return taken;
      static_cast<void>(parser->take_expectation());
      if (*progress == RequestParser::Progress::more) break;
      check(parser->request());
      ++taken;
      parser = std::make_unique<RequestParser>(max_header_bytes, max_body_bytes);
    }
  }
  return taken;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto target = grantd::http::split_target(text);
  require(!target || target->path.starts_with('/'));
  static_cast<void>(grantd::http::valid_host(text));
  // How the octets were cut must not change what they mean. (Beyond the limit it may: a chunk's
  // extension counts only while it is incomplete.)
  const std::size_t whole = run(data, size, std::max<std::size_t>(size, 1));
  require(size > max_header_bytes || whole == run(data, size, 1));
  return 0;
}
