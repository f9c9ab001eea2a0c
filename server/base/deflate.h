/// Compression: DEFLATE (RFC 1951) in the zlib format (RFC 1950), for what a status list carries,
/// and in the gzip format (RFC 1952), for HTTP's content coding of that name.
///
/// Equal input gives equal output: no time stamp, no file name. Takes time by the input, so large
/// inputs belong on the blocking pool. Thread-safe.
/// Errors: std::length_error above max_compress_bytes, std::bad_alloc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace grantd {

/// zlib counts in 32 bits.
inline constexpr std::size_t max_compress_bytes = std::size_t{1} << 30U;

/// For sparse arrays of bits: looks for runs of one octet alone. With one bit in a hundred set that
/// is 6 % larger than the highest level, for a hundredth of its time; fewer or more, it is smaller.
[[nodiscard]] std::string zlib_compress_runs(std::string_view octets);

/// At the usual level.
[[nodiscard]] std::string gzip_compress(std::string_view octets);

}  // namespace grantd
