#include "storage/sqlite/no_waiting.h"

#include <sqlite3.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>

namespace grantd::storage::sqlite {
namespace {

thread_local bool must_not_wait = false;
thread_local bool was_refused = false;
std::atomic<bool> is_installed{false};

/// In the place of pread(2).
ssize_t read_at(int file, void* octets, size_t size, off_t offset) {
  if (!must_not_wait) return ::pread(file, octets, size, offset);
  const iovec part{octets, size};
  const auto got = ::preadv2(file, &part, 1, offset, RWF_NOWAIT);
  // Linux 5.9 and 5.10 may answer 0 before the end of the file (preadv2(2), BUGS); no read of a
  // page or header in a sound file ends at 0.
  if (got > 0) return got;
  was_refused = true;
  if (got == 0) errno = EAGAIN;
  return -1;
}

void replace_pread() {
  sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  constexpr int has_system_calls = 3;  // sqlite3_vfs.iVersion
  if (vfs == nullptr || vfs->iVersion < has_system_calls) return;
  static_assert(sizeof(off_t) == sizeof(sqlite3_int64), "pread and pread64 are one");
  for (const char* const name : {"pread64", "pread"}) {
    if (vfs->xGetSystemCall(vfs, name) == nullptr) continue;  // not what this SQLite reads by
    const auto replacement = reinterpret_cast<sqlite3_syscall_ptr>(&read_at);
    if (vfs->xSetSystemCall(vfs, name, replacement) == SQLITE_OK) is_installed = true;
  }
}

}  // namespace

NoWaiting::NoWaiting() {
  must_not_wait = true;
  was_refused = false;
}

NoWaiting::~NoWaiting() { must_not_wait = false; }

void NoWaiting::install() {
  static std::once_flag once;
  std::call_once(once, replace_pread);
}

bool NoWaiting::available() { return is_installed.load(std::memory_order_relaxed); }

bool NoWaiting::refused() { return must_not_wait && was_refused; }

}  // namespace grantd::storage::sqlite
