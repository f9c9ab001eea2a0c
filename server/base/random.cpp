#include "server/base/random.h"

#include <pthread.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace grantd {
namespace {

constexpr std::size_t octet_values = 256;
constexpr std::size_t block_octets = 64;

void draw(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

/// What a thread has drawn ahead, from `left` octets before the end on. 512 octets are those of 32
/// ids, for one call that costs hardly more than one for 16.
struct Ahead {
  std::array<std::byte, 512> octets;
  std::size_t left;
};

// No constructor and no destructor: a thread that never needs an id pays nothing.
constinit thread_local Ahead ahead{};

/// The one thread that a child process has must not give out what its parent gives out, too.
void forget_in_children() {
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] {
    explicit_bzero(ahead.octets.data(), ahead.octets.size());
    ahead.left = 0;
  });
  if (registered != 0) throw std::system_error(registered, std::generic_category(), "atfork");
}

template <typename Fill>
std::string hex_of(std::size_t bytes, Fill fill) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text(bytes * 2, '0');
  auto digit = text.begin();
  std::array<std::byte, block_octets> memory{};
  for (std::size_t left = bytes; left > 0;) {
    const auto block = std::span(memory).first(std::min(left, memory.size()));
    fill(block);
    for (const std::byte octet : block) {
      *digit++ = digits[std::to_integer<std::size_t>(octet >> 4U)];
      *digit++ = digits[std::to_integer<std::size_t>(octet & std::byte{0xF})];
    }
    explicit_bzero(block.data(), block.size());
    left -= block.size();
  }
  return text;
}

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
  std::array<std::byte, block_octets> block_{};
  std::size_t used_{block_.size()};
};

}  // namespace

void SystemRandom::fill(std::span<std::byte> out) { draw(out); }

void SystemRandom::fill_id(std::span<std::byte> out) {
  if (out.size() > ahead.octets.size() / 2) return draw(out);
  if (ahead.left < out.size()) {
    forget_in_children();
    draw(ahead.octets);
    ahead.left = ahead.octets.size();
  }
  const auto used = std::span(ahead.octets).last(ahead.left).first(out.size());
  std::ranges::copy(used, out.begin());
  explicit_bzero(used.data(), used.size());
  ahead.left -= out.size();
}

std::string random_hex(Random& random, std::size_t bytes) {
  return hex_of(bytes, [&random](std::span<std::byte> out) { random.fill(out); });
}

std::string random_id(Random& random, std::size_t bytes) {
  return hex_of(bytes, [&random](std::span<std::byte> out) { random.fill_id(out); });
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
