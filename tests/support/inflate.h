/// zlib's own inflate: what a verifier does with what grantd compressed.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>

namespace grantd::testing {

/// Whole zlib (RFC 1950) or gzip (RFC 1952) streams, told by their head; throws for any other
/// input, for a broken checksum, and where something follows the stream.
inline std::string inflate(std::string_view octets) {
  constexpr int zlib_or_gzip = 15 + 32;
  z_stream stream{};
  if (::inflateInit2(&stream, zlib_or_gzip) != Z_OK) throw std::runtime_error("inflateInit2");
  std::string input(octets);
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  std::string out;
  std::string chunk(std::size_t{64} * 1024, '\0');
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = ::inflate(&stream, Z_NO_FLUSH);
    out.append(chunk, 0, chunk.size() - stream.avail_out);
  }
  const bool whole = status == Z_STREAM_END && stream.avail_in == 0;
  ::inflateEnd(&stream);
  if (!whole) throw std::runtime_error("not one whole compressed stream");
  return out;
}

}  // namespace grantd::testing
