// The line of a request: as text, and all the way to a stdout that takes everything.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "server/base/clock.h"
#include "server/observe/line.h"
#include "server/observe/log.h"
#include "tests/bench/pieces/pieces.h"

namespace grantd::pieces {
namespace {

observe::RequestLine request_line() {
  observe::RequestLine line;
  line.request_id = "0123456789abcdef";
  line.peer = "127.0.0.1";
  line.endpoint = "token";
  line.client_id = "user-service";
  line.status = 200;
  line.duration_us = 372;
  return line;
}

void render_line(benchmark::State& state) {
  const SystemClock clock;
  const auto request = request_line();
  std::string memory;
  while (state.KeepRunning()) {
    observe::Line line(memory, observe::Format::json, clock.now(), observe::Level::info, "request");
    line.add("request_id", request.request_id);
    line.add("peer", request.peer);
    line.add("endpoint", request.endpoint);
    line.add("client_id", request.client_id);
    line.add("status", std::int64_t{request.status});
    line.add("duration_us", request.duration_us);
    auto text = line.finish();
    benchmark::DoNotOptimize(text);
  }
}

/// stdout goes to /dev/null for as long as this lives.
class Silence {
 public:
  Silence() : kept_(::dup(STDOUT_FILENO)) {
    std::fflush(stdout);
    const int sink = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    require(kept_ >= 0 && sink >= 0 && ::dup2(sink, STDOUT_FILENO) >= 0, "no /dev/null");
    ::close(sink);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() {
    ::dup2(kept_, STDOUT_FILENO);
    ::close(kept_);
  }

 private:
  const int kept_;
};

/// Lines as they come, with a wait for the writer before the queue is full: a line that is dropped
/// costs less than one that is written.
void write_line(benchmark::State& state) {
  constexpr int lines_at_once = 1024;
  const Silence silence;
  const SystemClock clock;
  observe::Log log(clock, observe::Level::info, observe::Format::json);
  const auto request = request_line();
  int unwritten = 0;
  while (state.KeepRunning()) {
    log.request(request);
    if (++unwritten == lines_at_once) {
      log.flush();
      unwritten = 0;
    }
  }
  log.flush();
  require(log.dropped() == 0, "lines were dropped");
}

}  // namespace

void add_log() {
  add("log line as text", render_line);
  add("log line written, all threads", write_line, Threads::all);
}

}  // namespace grantd::pieces
