/// Octets that were read and not parsed yet. What was parsed is overwritten at once: it holds
/// client secrets.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace grantd::http {

class ReadBuffer {
 public:
  ReadBuffer() = default;
  ReadBuffer(const ReadBuffer&) = delete;
  ReadBuffer& operator=(const ReadBuffer&) = delete;
  ~ReadBuffer() { wipe(); }

  [[nodiscard]] std::string_view view() const { return {data_.get() + begin_, size()}; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }

  /// Room for at least `bytes` more; may move what is there.
  [[nodiscard]] std::span<char> prepare(std::size_t bytes) {
    if (capacity_ - end_ < bytes) move_to_front(bytes);
    return {data_.get() + end_, capacity_ - end_};
  }
  void commit(std::size_t bytes) { end_ += bytes; }

  void consume(std::size_t bytes) {
    if (bytes == 0) return;
    explicit_bzero(data_.get() + begin_, bytes);
    begin_ += bytes;
    if (empty()) begin_ = end_ = 0;
  }

  /// Gives the memory back; only while empty.
  void release() {
    data_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  void move_to_front(std::size_t bytes) {
    const std::size_t kept = size();
    const std::size_t needed = kept + bytes;
    auto moved = std::make_unique_for_overwrite<char[]>(needed);
    if (kept > 0) std::memcpy(moved.get(), data_.get() + begin_, kept);
    wipe();
    data_ = std::move(moved);
    capacity_ = needed;
    begin_ = 0;
    end_ = kept;
  }
  void wipe() {
    if (!empty()) explicit_bzero(data_.get() + begin_, size());
  }

  std::unique_ptr<char[]> data_;
  std::size_t begin_{0};
  std::size_t end_{0};
  std::size_t capacity_{0};
};

}  // namespace grantd::http
