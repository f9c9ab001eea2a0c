#include "server/base/random.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace grantd {
namespace {

constexpr std::size_t octet_values = 256;

/// Random octets drawn a block at a time, overwritten afterwards: they become secrets and ids.
class Octets {
 public:
  explicit Octets(Random& random) : random_(random) {}
  Octets(const Octets&) = delete;
  Octets& operator=(const Octets&) = delete;
  ~Octets() { explicit_bzero(block_.data(), block_.size()); }

  std::size_t next() {
    if (used_ == block_.size()) {
      random_.fill(block_);
      used_ = 0;
    }
    return std::to_integer<std::size_t>(block_[used_++]);
  }

 private:
  Random& random_;
  std::array<std::byte, 64> block_{};
  std::size_t used_{block_.size()};
};

}  // namespace

void SystemRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::string random_hex(Random& random, std::size_t bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  Octets octets(random);
  std::string text;
  text.reserve(bytes * 2);
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t octet = octets.next();
    text += digits[octet >> 4U];
    text += digits[octet & 0xFU];
  }
  return text;
}

std::string random_text(Random& random, std::size_t length, std::string_view alphabet) {
  if (alphabet.size() < 2 || alphabet.size() > octet_values) {
    throw std::invalid_argument("random_text: an alphabet has 2 to 256 characters");
  }
  // Octets from the last, incomplete round of the alphabet would favour its first characters.
  const std::size_t fair = octet_values - octet_values % alphabet.size();
  Octets octets(random);
  std::string text;
  text.reserve(length);
  while (text.size() < length) {
    const std::size_t octet = octets.next();
    if (octet < fair) text += alphabet[octet % alphabet.size()];
  }
  return text;
}

}  // namespace grantd
