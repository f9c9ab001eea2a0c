#include "server/base/deflate.h"

// Its pointers to input are to const octets then, as they should be.
#define ZLIB_CONST
#include <zlib.h>

#include <new>
#include <stdexcept>

namespace grantd {
namespace {

// deflateInit2's `windowBits`: 15 for the largest window, 16 more for gzip's head and trailer.
constexpr int zlib_format = 15;
constexpr int gzip_format = 15 + 16;
constexpr int usual_memory_level = 8;

std::string compress(std::string_view octets, int format, int strategy) {
  if (octets.size() > max_compress_bytes) throw std::length_error("too much to compress at once");
  z_stream stream{};
  // Fails for want of memory alone: the rest of its arguments are constants.
  if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, format, usual_memory_level,
                     strategy) != Z_OK) {
    throw std::bad_alloc();
  }
  const struct End {
    z_stream& stream;
    ~End() { ::deflateEnd(&stream); }
  } end{stream};

  std::string out(::deflateBound(&stream, octets.size()), '\0');
  stream.next_in = reinterpret_cast<const Bytef*>(octets.data());
  stream.avail_in = static_cast<uInt>(octets.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  // deflateBound has promised that one call is enough.
  if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::bad_alloc();
  out.resize(stream.total_out);
  return out;
}

}  // namespace

std::string zlib_compress_runs(std::string_view octets) {
  return compress(octets, zlib_format, Z_RLE);
}

std::string gzip_compress(std::string_view octets) {
  return compress(octets, gzip_format, Z_DEFAULT_STRATEGY);
}

}  // namespace grantd
