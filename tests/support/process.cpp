#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace grantd::testing {
namespace {

struct Pipe {
  int read_end{-1};
  int write_end{-1};
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  return {ends[0], ends[1]};
}

/// For execve: pointers into `texts`, and the null that ends them.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// Small inputs alone: they fit into the pipe, so that nobody waits for anybody.
constexpr std::size_t max_input_bytes = std::size_t{64} * 1024;

void write_input(const Pipe& pipe, std::string_view input) {
  if (input.size() > max_input_bytes) throw std::runtime_error("the input is too large");
  if (::write(pipe.write_end, input.data(), input.size()) != static_cast<ssize_t>(input.size())) {
    throw std::runtime_error("the input cannot be written");
  }
  ::close(pipe.write_end);
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const ProcessEnvironment& environment,
                 std::string_view input) {
  const char* path = std::getenv("PATH");
  std::vector<std::string> variables{std::string("PATH=") + (path == nullptr ? "" : path)};
  for (const auto& [name, value] : environment) variables.push_back(name + '=' + value);
  std::vector<std::string> texts = arguments;
  const auto argv = pointers(texts);
  const auto envp = pointers(variables);

  const Pipe in = make_pipe();
  const Pipe out = make_pipe();
  const Pipe err = make_pipe();
  pid_ = ::fork();
  if (pid_ == -1) throw std::runtime_error("no child process");
  if (pid_ == 0) {
    ::dup2(in.read_end, STDIN_FILENO);
    ::dup2(out.write_end, STDOUT_FILENO);
    ::dup2(err.write_end, STDERR_FILENO);
    ::execvpe(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  write_input(in, input);
  ::close(in.read_end);
  ::close(out.write_end);
  ::close(err.write_end);
  reader_ = std::jthread([this, out, err] { collect(out.read_end, err.read_end); });
}

Process::~Process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

void Process::collect(int out, int err) {
  std::array<pollfd, 2> streams{{{out, POLLIN, 0}, {err, POLLIN, 0}}};
  std::array<char, 4096> buffer{};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    if (::poll(streams.data(), streams.size(), -1) < 0 && errno != EINTR) break;
    for (auto& stream : streams) {
      if (stream.fd < 0 || stream.revents == 0) continue;
      const auto got = ::read(stream.fd, buffer.data(), buffer.size());
      const std::lock_guard lock(mutex_);
      if (got > 0) {
        (&stream == streams.data() ? out_ : err_)
            .append(buffer.data(), static_cast<std::size_t>(got));
      } else {
        ::close(stream.fd);
        stream.fd = -1;
      }
      changed_.notify_all();
    }
  }
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

ProcessResult Process::wait() {
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [this] { return closed_; })) {
      throw std::runtime_error("the process does not end; stderr: " + err_);
    }
  }
  if (pid_ > 0) {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return {status_, out_, err_};
}

ProcessResult Process::stop() {
  signal(SIGTERM);
  return wait();
}

std::string Process::wait_for(std::string_view text, const std::string& stream) {
  std::unique_lock lock(mutex_);
  const auto is_there = [&] { return stream.find(text) != std::string::npos; };
  changed_.wait_for(lock, patience, [&] { return closed_ || is_there(); });
  if (!is_there()) {
    throw std::runtime_error("never said: " + std::string(text) + "\nstdout: " + out_ +
                             "\nstderr: " + err_);
  }
  return stream;
}

ProcessResult run(const std::vector<std::string>& arguments, const ProcessEnvironment& environment,
                  std::string_view input) {
  return Process(arguments, environment, input).wait();
}

std::string Process::out_so_far() {
  const std::lock_guard lock(mutex_);
  return out_;
}

}  // namespace grantd::testing
