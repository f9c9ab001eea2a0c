/// HMAC-SHA-256, SHA-256 and comparison in constant time (RFC 2104, FIPS 180-4). Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace grantd::jose {

using Sha256 = std::array<std::uint8_t, 32>;

[[nodiscard]] Sha256 hmac_sha256(std::span<const std::uint8_t> key, std::string_view message);
[[nodiscard]] Sha256 sha256(std::string_view message);
[[nodiscard]] bool equal_in_constant_time(const Sha256& a, const Sha256& b);

}  // namespace grantd::jose
