#include "server/observe/line_queue.h"

#include <algorithm>
#include <cstring>

#include "server/observe/line.h"

namespace grantd::observe {

static_assert(max_line_bytes <= LineQueue::block_bytes);

LineQueue::LineQueue(std::size_t max_lines, std::size_t max_bytes)
    : max_lines_(std::max<std::size_t>(max_lines, 1)),
      max_blocks_(std::max<std::size_t>(max_bytes / block_bytes, 1)) {}

void LineQueue::push(std::string_view line) {
  while (lines_ == max_lines_ || !make_room(line.size())) drop_oldest();
  Block& last = blocks_.back();
  std::memcpy(last.text.get() + last.end, line.data(), line.size());
  last.end += line.size();
  ++lines_;
}

LineQueue::Taken LineQueue::take(std::span<char> out) {
  if (lines_ == 0) return {};
  const std::string_view oldest = blocks_.front().waiting().substr(0, out.size());
  Taken taken;
  for (auto end = oldest.find('\n'); end != oldest.npos; end = oldest.find('\n', taken.bytes)) {
    taken.bytes = end + 1;
    ++taken.lines;
  }
  std::memcpy(out.data(), oldest.data(), taken.bytes);
  forget(taken.bytes, taken.lines);
  return taken;
}

bool LineQueue::make_room(std::size_t bytes) {
  if (!blocks_.empty() && block_bytes - blocks_.back().end >= bytes) return true;
  if (blocks_.size() == max_blocks_) return false;
  blocks_.emplace_back();
  return true;
}

void LineQueue::drop_oldest() {
  forget(blocks_.front().waiting().find('\n') + 1, 1);
  ++dropped_;
}

void LineQueue::forget(std::size_t bytes, std::size_t lines) {
  lines_ -= lines;
  Block& first = blocks_.front();
  first.begin += bytes;
  if (first.begin < first.end) return;
  if (blocks_.size() == 1) {
    first.begin = first.end = 0;
  } else {
    blocks_.pop_front();
  }
}

}  // namespace grantd::observe
