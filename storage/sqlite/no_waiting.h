/// SQLite reads that fail rather than wait for a disk, so that an event loop can look something up.
///
/// While a NoWaiting is alive, what this thread reads through SQLite comes out of the kernel's page
/// cache or not at all (preadv2(2), RWF_NOWAIT); where the file system does not know how (tmpfs,
/// say), nothing does. SQLite's own locks are tried once and never waited for in WAL mode, where
/// the connection has no busy timeout.
#pragma once

namespace grantd::storage::sqlite {

class NoWaiting {
 public:
  NoWaiting();
  NoWaiting(const NoWaiting&) = delete;
  NoWaiting& operator=(const NoWaiting&) = delete;
  ~NoWaiting();

  /// Makes SQLite read by our function; once a process, before its first connection. Without that,
  /// or where this SQLite does not read by pread(2), available() is false: nobody may rely on
  /// a NoWaiting.
  static void install();
  [[nodiscard]] static bool available();

  /// Whether a read of this thread was refused since its NoWaiting came to be: an I/O error that
  /// SQLite reports is then none.
  [[nodiscard]] static bool refused();
};

}  // namespace grantd::storage::sqlite
