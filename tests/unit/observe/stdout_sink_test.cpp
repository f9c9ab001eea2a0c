#include "server/observe/stdout_sink.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <climits>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/temp_dir.h"
#include "tests/unit/observe/stdout_pipe.h"

namespace grantd::observe {
namespace {

using namespace std::chrono_literals;

Descriptor opened(const std::string& path) {
  return Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
}

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// No file may grow beyond so many bytes, as on a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    static_cast<void>(std::signal(SIGXFSZ, handler_));
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

TEST(StdoutSink, WritesNoMoreAtOnceToAPipeThanPollPromises) {
  std::size_t pipe_bytes = 0;
  {
    const StdoutPipe out;
    pipe_bytes = StdoutSink().write_bytes();
  }
  EXPECT_EQ(pipe_bytes, static_cast<std::size_t>(PIPE_BUF));
}

TEST(StdoutSink, WritesMoreAtOnceToAFile) {
  const testing::TempDir directory;
  std::size_t file_bytes = 0;
  {
    const StdoutInstead out(opened(directory.path() / "log"));
    file_bytes = StdoutSink().write_bytes();
  }
  EXPECT_EQ(file_bytes, StdoutSink::max_write_bytes);
}

TEST(StdoutSink, CountsEachLineThatAFullDiskRefuses) {
  std::size_t lost = 0;
  {
    const StdoutInstead out(opened("/dev/full"));
    StdoutSink sink;
    lost = sink.wait_until_writable() ? sink.write("a\nb\nc\n") : 0;
  }
  EXPECT_EQ(lost, 3U);
}

TEST(StdoutSink, EndsALineThatTheDiskCutBeforeTheNext) {
  const testing::TempDir directory;
  const std::string path = directory.path() / "log";
  std::size_t lost_at_first = 0;
  std::size_t lost_when_full = 0;
  std::size_t lost_then = 0;
  {
    const StdoutInstead out(opened(path));
    StdoutSink sink;
    {
      const FullDisk disk(10);
      lost_at_first = sink.write("first\nsecond\nthird\n");
      lost_when_full = sink.write("fourth\n");
    }
    lost_then = sink.write("fifth\n") + sink.write("sixth\n");
  }
  EXPECT_EQ(lost_at_first, 2U);
  EXPECT_EQ(lost_when_full, 1U);
  EXPECT_EQ(lost_then, 0U);
  EXPECT_EQ(contents(path), "first\nseco\nfifth\nsixth\n");
}

TEST(StdoutSink, WaitsForAStalledReaderNoLongerThanItIsTold) {
  bool writable = true;
  {
    StdoutPipe out;
    out.stall();
    StdoutSink sink;
    sink.give_up_after(1ms);
    writable = sink.wait_until_writable();
  }
  EXPECT_FALSE(writable);
}

}  // namespace
}  // namespace grantd::observe
