/// Cryptographically secure randomness, injected so that tests can be repeated.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace grantd {

class Random {
 public:
  virtual ~Random() = default;
  /// Fills all of `out`. Thread-safe. Throws only where the kernel has no randomness to give.
  virtual void fill(std::span<std::byte> out) = 0;
};

/// getrandom(2).
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
};

/// `bytes` random bytes as lower-case hex digits.
[[nodiscard]] std::string random_hex(Random& random, std::size_t bytes);

/// `length` characters drawn without bias from `alphabet` (2 to 256 characters).
[[nodiscard]] std::string random_text(Random& random, std::size_t length,
                                      std::string_view alphabet);

}  // namespace grantd
