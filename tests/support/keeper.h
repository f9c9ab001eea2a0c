/// Sees to it that what a test started in a directory of its own does not outlive the test, however
/// the test ends: a small shell process waits until the test has ended, ends what still has its
/// working directory in there, and removes the directory.
///
/// Only for programs that were started with their working directory inside (`env -C`, HAProxy's -C,
/// PostgreSQL by itself): that is how the keeper knows them. Threads: one at a time.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <vector>

namespace grantd::testing {

class Keeper {
 public:
  /// Keeps `directory` as long as this process lives; throws std::runtime_error where no process
  /// can be started.
  explicit Keeper(const std::filesystem::path& directory);
  /// The keeper does its work now; returns when it is done.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// For a directory that outlives this process: kept as long as `owner` lives, or until the
  /// directory is gone.
  static void keep_for(pid_t owner, const std::filesystem::path& directory);

  /// What runs with its working directory in `directory` or below; children behind their parents.
  [[nodiscard]] static std::vector<pid_t> processes_in(const std::filesystem::path& directory);

 private:
  pid_t pid_{-1};
  int life_line_{
      -1};  // closed by the kernel when this process ends: the keeper reads an end of file
};

}  // namespace grantd::testing
