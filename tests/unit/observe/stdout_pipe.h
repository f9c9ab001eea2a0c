/// Puts something else in place of stdout for as long as it lives. Nothing else may print
/// meanwhile: look at what was read once it is gone, or a failure's message goes into the pipe.
#pragma once

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "server/base/descriptor.h"

namespace grantd::observe {

class StdoutInstead {
 public:
  explicit StdoutInstead(const Descriptor& instead) {
    std::fflush(stdout);
    saved_ = Descriptor(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    ::dup2(instead.get(), STDOUT_FILENO);
  }
  StdoutInstead(const StdoutInstead&) = delete;
  StdoutInstead& operator=(const StdoutInstead&) = delete;
  ~StdoutInstead() { ::dup2(saved_.get(), STDOUT_FILENO); }

 private:
  Descriptor saved_;
};

class StdoutPipe {
 public:
  /// With O_DIRECT among the flags each read gives what one write(2) put in (pipe(2)).
  explicit StdoutPipe(int flags = 0) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC | flags) != 0) {
      throw std::system_error(errno, std::generic_category());
    }
    reader_ = Descriptor(ends[0]);
    stdout_.emplace(Descriptor(ends[1]));
  }

  /// Fills the pipe to the brim, as a reader does that has stalled.
  void stall() {
    ::fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
    while (::write(STDOUT_FILENO, "-", 1) == 1) {
    }
    ::fcntl(STDOUT_FILENO, F_SETFL, 0);
  }

  /// Everything that is in the pipe now; does not wait for more.
  [[nodiscard]] std::string read() const {
    int available = 0;
    ::ioctl(reader_.get(), FIONREAD, &available);
    std::string text(static_cast<std::size_t>(available), '\0');
    const ssize_t got = ::read(reader_.get(), text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }

  /// What stdout was before: with the last writer gone, a reader comes to its end.
  void restore() { stdout_.reset(); }

  [[nodiscard]] int reader() const { return reader_.get(); }
  void close_reader() { Descriptor(std::move(reader_)); }

 private:
  std::optional<StdoutInstead> stdout_;
  Descriptor reader_;
};

}  // namespace grantd::observe
