/// Puts a pipe in place of stdout for as long as it lives. Nothing else may print meanwhile: look
/// at what was read once it is gone, or a failure's message goes into the pipe.
#pragma once

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include "server/base/descriptor.h"

namespace grantd::observe {

class StdoutPipe {
 public:
  StdoutPipe() {
    std::fflush(stdout);
    saved_ = Descriptor(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category());
    reader_ = Descriptor(ends[0]);
    const Descriptor writer(ends[1]);
    ::dup2(writer.get(), STDOUT_FILENO);
  }
  StdoutPipe(const StdoutPipe&) = delete;
  StdoutPipe& operator=(const StdoutPipe&) = delete;
  ~StdoutPipe() { ::dup2(saved_.get(), STDOUT_FILENO); }

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

  void close_reader() { Descriptor(std::move(reader_)); }

 private:
  Descriptor saved_;
  Descriptor reader_;
};

}  // namespace grantd::observe
