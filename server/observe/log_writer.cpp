#include "server/observe/log_writer.h"

#include <csignal>
#include <memory>

namespace grantd::observe {
namespace {

/// A reader that goes away is a line lost, not the end of the process.
void block_sigpipe() {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

LogWriter::LogWriter(std::size_t queue_lines) : queue_(queue_lines), thread_([this] { run(); }) {}

LogWriter::~LogWriter() {
  sink_.give_up_after(max_wait);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LogWriter::post(std::string_view line) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push(line);
    ++posted_;
    wake = asleep_;
    asleep_ = false;  // one wake is enough
  }
  if (wake) wake_.notify_one();
}

void LogWriter::flush() {
  std::unique_lock lock(mutex_);
  ++flushing_;
  wake_.notify_one();
  // First in, first out, and the oldest goes first: once as many lines have left the queue as had
  // been posted, those have.
  progress_.wait_for(lock, max_wait, [this, posted = posted_] { return gone() >= posted; });
  --flushing_;
}

std::uint64_t LogWriter::dropped() const {
  const std::lock_guard lock(mutex_);
  return queue_.dropped() + lost_;
}

void LogWriter::run() {
  block_sigpipe();
  const auto chunk = std::make_unique_for_overwrite<char[]>(sink_.write_bytes());
  std::unique_lock lock(mutex_);
  for (;;) {
    asleep_ = true;
    wake_.wait(lock, [this] { return stopping_ || queue_.lines() > 0; });
    asleep_ = false;
    if (queue_.lines() == 0) return;  // stopping
    // What comes meanwhile waits for others: the thread must not chase it line by line.
    const std::uint64_t posted = posted_;
    while (gone() < posted) write_some(lock, {chunk.get(), sink_.write_bytes()});
    wake_.wait_for(lock, gather_for, [this] { return stopping_ || flushing_ > 0; });
  }
}

void LogWriter::write_some(std::unique_lock<std::mutex>& lock, std::span<char> chunk) {
  // Taken only once stdout is ready: what a stalled one holds up stays where the oldest can go.
  lock.unlock();
  const bool writable = sink_.wait_until_writable();
  lock.lock();
  const LineQueue::Taken taken = queue_.take(chunk);
  lock.unlock();
  const std::size_t lost = writable ? sink_.write({chunk.data(), taken.bytes}) : taken.lines;
  lock.lock();
  written_ += taken.lines;
  lost_ += lost;
  if (flushing_ > 0) progress_.notify_all();
}

}  // namespace grantd::observe
