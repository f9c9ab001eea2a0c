/// The real binary, or any other program, as a child of the test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace grantd::testing {

using ProcessEnvironment = std::map<std::string, std::string>;

struct ProcessResult {
  int status{-1};  // 128 + N where signal N ended it
  std::string out{};
  std::string err{};
};

/// Runs beside the test. Its environment is `environment` and PATH, nothing else.
class Process {
 public:
  /// What waits longer than this throws: no test hangs.
  static constexpr std::chrono::seconds patience{60};

  Process(const std::vector<std::string>& arguments, const ProcessEnvironment& environment = {},
          std::string_view input = {});
  /// Killed where it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Until it ends by itself.
  ProcessResult wait();
  /// SIGTERM, then wait().
  ProcessResult stop();

  /// Until `text` stands in stdout or stderr; throws where it ends or patience does. What was
  /// written so far to that stream.
  /// What it has written to stdout until now.
  [[nodiscard]] std::string out_so_far();
  std::string wait_for_out(std::string_view text) { return wait_for(text, out_); }
  std::string wait_for_err(std::string_view text) { return wait_for(text, err_); }

 private:
  void collect(int out, int err);
  std::string wait_for(std::string_view text, const std::string& stream);

  pid_t pid_{-1};
  int status_{-1};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string out_;
  std::string err_;
  bool closed_{false};
  std::jthread reader_;
};

/// Starts it and waits for its end.
ProcessResult run(const std::vector<std::string>& arguments,
                  const ProcessEnvironment& environment = {}, std::string_view input = {});

}  // namespace grantd::testing
