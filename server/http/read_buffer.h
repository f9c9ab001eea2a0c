/// Octets that were read and not parsed yet. What was parsed is overwritten at once: it holds
/// client secrets.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "server/http/spare_block.h"

namespace grantd::http {

class ReadBuffer {
 public:
  ReadBuffer() = default;
  ReadBuffer(const ReadBuffer&) = delete;
  ReadBuffer& operator=(const ReadBuffer&) = delete;
  ~ReadBuffer() {
    wipe();
    free(data_, capacity_);
  }

  /// What is ordinarily asked of prepare(); a block of this size is a spare one.
  static constexpr std::size_t chunk_bytes = 4096;

  [[nodiscard]] std::string_view view() const { return {data_ + begin_, size()}; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }

  /// Room for at least `bytes` more; may move what is there.
  [[nodiscard]] std::span<char> prepare(std::size_t bytes) {
    if (capacity_ - end_ < bytes) move_to_front(bytes);
    return {data_ + end_, capacity_ - end_};
  }
  void commit(std::size_t bytes) { end_ += bytes; }

  void consume(std::size_t bytes) {
    if (bytes == 0) return;
    explicit_bzero(data_ + begin_, bytes);
    begin_ += bytes;
    if (empty()) begin_ = end_ = 0;
  }

  /// Gives the memory back; only while empty.
  void release() {
    free(data_, capacity_);
    data_ = nullptr;
    begin_ = end_ = capacity_ = 0;
  }

 private:
  using Spare = SpareBlock<chunk_bytes>;
  static char* allocate(std::size_t bytes) {
    return bytes == chunk_bytes ? static_cast<char*>(Spare::take()) : new char[bytes];
  }
  static void free(char* block, std::size_t bytes) {
    if (bytes == chunk_bytes) return Spare::give(block);
    delete[] block;
  }

  void move_to_front(std::size_t bytes) {
    const std::size_t kept = size();
    const std::size_t needed = kept + bytes;
    char* moved = allocate(needed);
    if (kept > 0) std::memcpy(moved, data_ + begin_, kept);
    wipe();
    free(data_, capacity_);
    data_ = moved;
    capacity_ = needed;
    begin_ = 0;
    end_ = kept;
  }
  void wipe() {
    if (!empty()) explicit_bzero(data_ + begin_, size());
  }

  char* data_{nullptr};
  std::size_t begin_{0};
  std::size_t end_{0};
  std::size_t capacity_{0};
};

}  // namespace grantd::http
