/// Memory that one exchange gives back and the next one takes: a block of one size, one a thread.
///
/// An exchange ordinarily ends before the next one on its loop begins, so that one block serves
/// all; what more is needed at a time comes from the heap. Spares malloc() its walk through blocks
/// too large for its caches, some 0.1 us each time. Whoever gives a block back has overwritten it.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace grantd::http {

template <std::size_t bytes>
class SpareBlock {
 public:
  SpareBlock(const SpareBlock&) = delete;
  SpareBlock& operator=(const SpareBlock&) = delete;
  ~SpareBlock() { ::operator delete(block_); }

  [[nodiscard]] static void* take() {
    void* block = std::exchange(spare().block_, nullptr);
    return block != nullptr ? block : ::operator new(bytes);
  }
  static void give(void* block) noexcept {
    ::operator delete(std::exchange(spare().block_, block));
  }

 private:
  SpareBlock() = default;
  static SpareBlock& spare() {
    static thread_local SpareBlock block;
    return block;
  }

  void* block_{nullptr};
};

}  // namespace grantd::http
