#include "tests/support/keeper.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <string>

namespace grantd::testing {
namespace {

namespace fs = std::filesystem;

/// SIGQUIT first: a PostgreSQL then takes its shared memory with it. What is stopped is woken.
constexpr const char* script = R"sh(
directory=$1 owner=$2
if [ "$owner" = - ]; then
  cat >/dev/null
else
  while [ -d "/proc/$owner" ] && [ -d "$directory" ]; do sleep 0.2; done
fi
for signal in QUIT KILL; do
  tries=0
  while [ "$tries" -lt 20 ]; do
    found=$(find /proc -mindepth 2 -maxdepth 2 -name cwd \
      \( -lname "$directory" -o -lname "$directory/*" \) 2>/dev/null | tr -dc '0-9\n')
    [ -n "$found" ] || break 2
    for pid in $found; do kill "-$signal" "$pid"; kill -CONT "$pid"; done
    tries=$((tries + 1))
    sleep 0.1
  done
done
rm -rf -- "$directory"
)sh";

/// In a session of its own, so that what ends the test's process group does not reach it, and
/// without the test's stdout, which CTest reads until everybody has closed it.
pid_t spawn(const fs::path& directory, const std::string& owner, int in) {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  if (in >= 0) {
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  } else {
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  for (const int out : {STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&actions, out, "/dev/null", O_WRONLY, 0);
  }
  std::array<std::string, 6> texts{"sh", "-c", script, "keeper", directory.string(), owner};
  std::array<char*, 7> arguments{};
  std::ranges::transform(texts, arguments.begin(), [](std::string& text) { return text.data(); });
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, "/bin/sh", &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("no keeper process");
  return pid;
}

}  // namespace

Keeper::Keeper(const fs::path& directory) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  life_line_ = ends[1];
  pid_ = spawn(directory, "-", ends[0]);
  ::close(ends[0]);
}

Keeper::~Keeper() {
  ::close(life_line_);
  ::waitpid(pid_, nullptr, 0);
}

void Keeper::keep_for(pid_t owner, const fs::path& directory) {
  spawn(directory, std::to_string(owner), -1);
}

std::vector<pid_t> Keeper::processes_in(const fs::path& directory) {
  std::vector<pid_t> found;
  const auto below = directory.string() + "/";
  std::error_code gone;  // processes come and go while this looks
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) continue;
    const auto at = fs::read_symlink(entry.path() / "cwd", gone).string();
    if (at == directory || at.starts_with(below)) found.push_back(pid);
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace grantd::testing
