#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "server/base/files.h"
#include "storage/sqlite/sqlite_storage.h"

namespace grantd::storage::sqlite {

std::expected<ServerLock, std::string> ServerLock::acquire(const std::filesystem::path& database) {
  // Two links to one database are one database.
  std::error_code error;
  const auto real = std::filesystem::weakly_canonical(database, error);
  if (error) return std::unexpected(database.string() + ": " + error.message());
  const std::string path = real.string() + ".lock";

  ServerLock lock(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (lock.fd_ < 0) {
    return std::unexpected(path + ": cannot be opened: " + std::generic_category().message(errno));
  }
  if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return std::unexpected("another grantd serve runs on " + database.string() + " (it holds " +
                             path + "): stop it first");
    }
    return std::unexpected(path + ": cannot be locked: " + std::generic_category().message(errno));
  }
  if (auto given = give_to_directory_owner(path); !given) return std::unexpected(given.error());
  return lock;
}

ServerLock::~ServerLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace grantd::storage::sqlite
