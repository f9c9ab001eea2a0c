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
  /// The same for ids: nobody can guess them, but they are no key and no secret, so that they may
  /// have lain in memory for a while before.
  virtual void fill_id(std::span<std::byte> out) { fill(out); }
};

/// getrandom(2): at once for what is secret; ahead of use for ids, of which each request needs two,
/// and a call into the kernel costs many times what else there is to an id. What is drawn ahead
/// belongs to one thread, is overwritten as it is used, and in a child process is forgotten: parent
/// and child never give out the same id.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
  void fill_id(std::span<std::byte> out) override;
};

/// `bytes` random bytes as lower-case hex digits, fit for a secret.
[[nodiscard]] std::string random_hex(Random& random, std::size_t bytes);
/// The same, fit for an id (`Random::fill_id`).
[[nodiscard]] std::string random_id(Random& random, std::size_t bytes);

/// `length` characters drawn without bias from `alphabet` (2 to 256 characters).
[[nodiscard]] std::string random_text(Random& random, std::size_t length,
                                      std::string_view alphabet);

}  // namespace grantd
