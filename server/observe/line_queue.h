/// Finished lines that wait for stdout: first in, first out, within a bound of lines and one of
/// bytes. Where it is full the oldest go and are counted: what happened last tells more.
///
/// Memory comes a block at a time as lines wait and goes with them; one block stays, so that in
/// step with stdout nothing is allocated. Not thread-safe: `LogWriter` guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>

namespace grantd::observe {

/// What the waiting lines may take beside the bound of their number; some 330 bytes is a request's.
constexpr std::size_t queue_bytes = std::size_t{4} * 1024 * 1024;

class LineQueue {
 public:
  static constexpr std::size_t block_bytes = std::size_t{32} * 1024;

  explicit LineQueue(std::size_t max_lines, std::size_t max_bytes = queue_bytes);

  /// `line` ends in its only newline and fits into a block.
  void push(std::string_view line);
  struct Taken {
    std::size_t bytes{0};
    std::size_t lines{0};
  };
  /// Takes the oldest lines, as many as fit into `out`, which holds any line: so at least one where
  /// there is one.
  Taken take(std::span<char> out);

  [[nodiscard]] std::size_t lines() const { return lines_; }
  /// Lines that had to go for newer ones.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  struct Block {
    [[nodiscard]] std::string_view waiting() const { return {text.get() + begin, end - begin}; }

    std::unique_ptr<char[]> text{std::make_unique_for_overwrite<char[]>(block_bytes)};
    std::size_t begin{0};
    std::size_t end{0};
  };

  [[nodiscard]] bool make_room(std::size_t bytes);
  void drop_oldest();
  void forget(std::size_t bytes, std::size_t lines);

  const std::size_t max_lines_;
  const std::size_t max_blocks_;
  std::deque<Block> blocks_;
  std::size_t lines_{0};
  std::uint64_t dropped_{0};
};

}  // namespace grantd::observe
