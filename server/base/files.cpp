#include "server/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "server/base/descriptor.h"
#include "server/base/random.h"

namespace grantd {
namespace {

namespace fs = std::filesystem;

constexpr mode_t private_mode = S_IRUSR | S_IWUSR;
constexpr mode_t public_mode = private_mode | S_IRGRP | S_IROTH;
constexpr std::size_t first_read_bytes = 4096;

std::unexpected<FileError> fault(const fs::path& path, std::string_view what) {
  return std::unexpected(path.string() + ": " + std::string(what));
}

/// For right after a system call: says what errno means.
std::unexpected<FileError> system_fault(const fs::path& path, std::string_view doing) {
  const int error = errno;
  return fault(path, std::string(doing) + ": " + std::generic_category().message(error));
}

std::string octal(mode_t mode) {
  std::string text = "0";
  for (const unsigned shift : {6U, 3U, 0U}) text += static_cast<char>('0' + ((mode >> shift) & 7U));
  return text;
}

/// A path as the directory to open and the name within it.
struct Place {
  fs::path directory;
  std::string name;
};

std::expected<Place, FileError> locate(const fs::path& path) {
  Place place{.directory = path.parent_path(), .name = path.filename().string()};
  if (place.directory.empty()) place.directory = ".";
  if (place.name.empty() || place.name == "." || place.name == "..") {
    return fault(path, "names no file; expected a path that ends in a file's name");
  }
  return place;
}

Descriptor open_directory(const fs::path& directory) {
  return Descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/// Some file systems cannot sync a directory (EINVAL); what they keep, they keep without it.
bool sync_directory(const Descriptor& directory) {
  return ::fsync(directory.get()) == 0 || errno == EINVAL;
}

std::expected<std::string, FileError> read_open_file(const fs::path& path, const Descriptor& file,
                                                     std::size_t max_bytes) {
  std::string content(std::min(first_read_bytes, max_bytes + 1), '\0');
  std::size_t size = 0;
  for (;;) {
    const ssize_t got = ::read(file.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const auto error = system_fault(path, "cannot be read");
      cleanse(content);
      return error;
    }
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > max_bytes) {
      cleanse(content);
      return fault(path, "is larger than " + std::to_string(max_bytes) + " bytes");
    }
    if (size == content.size()) {
      // By hand, since a string that grows by itself leaves what it held in freed memory.
      std::string larger(std::min(size * 2, max_bytes + 1), '\0');
      std::ranges::copy(content, larger.begin());
      cleanse(content);
      content = std::move(larger);
    }
  }
  content.resize(size);
  return content;
}

/// A file that has no name of its own yet; removed again where it never gets one.
class TemporaryFile {
 public:
  TemporaryFile(const Descriptor& directory, Random& random)
      : directory_(directory), name_(".grantd-" + random_hex(random, 8) + ".tmp") {
    file_ =
        Descriptor(::openat(directory_.get(), name_.c_str(),
                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, private_mode));
    exists_ = file_.valid();
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (exists_) ::unlinkat(directory_.get(), name_.c_str(), 0);
  }

  [[nodiscard]] bool valid() const { return file_.valid(); }

  /// The steps below return false with errno set.
  [[nodiscard]] bool fill(std::string_view content, mode_t mode) const {
    if (::fchmod(file_.get(), mode) != 0 || !give_to_owner_of_directory()) return false;
    while (!content.empty()) {
      const ssize_t put = ::write(file_.get(), content.data(), content.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return false;
      content.remove_prefix(static_cast<std::size_t>(put));
    }
    return ::fsync(file_.get()) == 0;
  }

  [[nodiscard]] bool rename_to(const std::string& name, IfExists if_exists) {
    switch (if_exists) {
      case IfExists::replace:
        exists_ = ::renameat(directory_.get(), name_.c_str(), directory_.get(), name.c_str()) != 0;
        return !exists_;
      case IfExists::refuse:
        break;
    }
    exists_ = ::renameat2(directory_.get(), name_.c_str(), directory_.get(), name.c_str(),
                          RENAME_NOREPLACE) != 0;
    if (!exists_) return true;
    if (errno != EINVAL && errno != ENOSYS) return false;
    // A file system without RENAME_NOREPLACE (NFS): a hard link refuses as atomically.
    return ::linkat(directory_.get(), name_.c_str(), directory_.get(), name.c_str(), 0) == 0;
  }

 private:
  [[nodiscard]] bool give_to_owner_of_directory() const {
    if (::geteuid() != 0) return true;
    struct stat directory{};
    return ::fstat(directory_.get(), &directory) == 0 &&
           ::fchown(file_.get(), directory.st_uid, directory.st_gid) == 0;
  }

  const Descriptor& directory_;
  const std::string name_;
  Descriptor file_;
  bool exists_{false};
};

std::expected<void, FileError> write_file(const fs::path& path, std::string_view content,
                                          IfExists if_exists, mode_t mode) {
  const auto place = locate(path);
  if (!place) return std::unexpected(place.error());
  const Descriptor directory = open_directory(place->directory);
  if (!directory.valid()) return system_fault(path, "its directory cannot be opened");
  SystemRandom random;
  TemporaryFile file(directory, random);
  if (!file.valid()) return system_fault(path, "cannot be created");
  if (!file.fill(content, mode)) return system_fault(path, "cannot be written");
  if (!file.rename_to(place->name, if_exists)) {
    if (errno == EEXIST) return fault(path, "exists already and is not overwritten");
    return system_fault(path, "cannot be put in place");
  }
  if (!sync_directory(directory)) return system_fault(path, "its directory cannot be synced");
  return {};
}

/// What a service's user puts into its directory must not make root give away something else: no
/// link is followed, and nothing is given away that has a second name elsewhere.
std::expected<void, FileError> give(const fs::path& path, const Place& place) {
  const Descriptor directory = open_directory(place.directory);
  if (!directory.valid()) return system_fault(path, "its directory cannot be opened");
  const Descriptor file(
      ::openat(directory.get(), place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid()) return system_fault(path, "cannot be opened");
  struct stat owner{};
  struct stat found{};
  if (::fstat(directory.get(), &owner) != 0 || ::fstat(file.get(), &found) != 0) {
    return system_fault(path, "cannot be looked at");
  }
  if (found.st_uid == owner.st_uid && found.st_gid == owner.st_gid) return {};
  if (!S_ISDIR(found.st_mode) && (!S_ISREG(found.st_mode) || found.st_nlink != 1)) {
    return fault(path, "is a link or no regular file, and is not given to its directory's owner");
  }
  if (::fchownat(file.get(), "", owner.st_uid, owner.st_gid, AT_EMPTY_PATH) != 0) {
    return system_fault(path, "cannot be given to its directory's owner");
  }
  return {};
}

}  // namespace

std::expected<std::string, FileError> read_file(const fs::path& path, std::size_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return system_fault(path, "cannot be opened");
  return read_open_file(path, file, max_bytes);
}

std::expected<PrivateFile, FileError> read_private_file(const fs::path& path,
                                                        std::size_t max_bytes) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer before it can be refused. Links are
  // followed, since Kubernetes mounts secrets as links.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return system_fault(path, "cannot be opened");
  struct stat found{};
  if (::fstat(file.get(), &found) != 0) return system_fault(path, "cannot be looked at");
  if (!S_ISREG(found.st_mode)) return fault(path, "is no regular file; expected a regular file");
  const std::string mode = "mode " + octal(found.st_mode);
  const std::string remedy = "; run `chmod 600 " + path.string() + "`";
  if ((found.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return fault(path, mode + " lets others read or write it" + remedy);
  }
  if ((found.st_mode & S_IWGRP) != 0) {
    return fault(path, mode + " lets its group write it" + remedy);
  }
  auto content = read_open_file(path, file, max_bytes);
  if (!content) return std::unexpected(std::move(content.error()));
  PrivateFile result{.content = SecretString(std::move(*content))};
  if ((found.st_mode & S_IRGRP) != 0) {
    result.warning = path.string() + ": " + mode + " lets its group read it" + remedy +
                     " unless the group is meant to";
  }
  return result;
}

std::expected<void, FileError> write_private_file(const fs::path& path, std::string_view content,
                                                  IfExists if_exists) {
  return write_file(path, content, if_exists, private_mode);
}

std::expected<void, FileError> write_public_file(const fs::path& path, std::string_view content,
                                                 IfExists if_exists) {
  return write_file(path, content, if_exists, public_mode);
}

std::expected<void, FileError> make_private_directory(const fs::path& path) {
  // "keys/" and "keys" are one directory; the former has no name at its end.
  const fs::path target = path.has_filename() ? path : path.parent_path();
  std::error_code error;
  if (fs::is_directory(target, error)) return {};
  const auto place = locate(target);
  if (!place) return std::unexpected(place.error());
  if (place->directory != ".") {
    if (auto parent = make_private_directory(place->directory); !parent) return parent;
  }
  if (::mkdir(target.c_str(), S_IRWXU) != 0) {
    // Another process may have been faster; anything else of that name is in the way.
    if (errno == EEXIST && fs::is_directory(target, error)) return {};
    return system_fault(path, "cannot be made a directory");
  }
  if (auto given = give_to_directory_owner(target); !given) return given;
  const Descriptor parent = open_directory(place->directory);
  if (!parent.valid() || !sync_directory(parent)) {
    return system_fault(path, "its directory cannot be synced");
  }
  return {};
}

std::expected<void, FileError> give_to_directory_owner(const fs::path& path) {
  if (::geteuid() != 0) return {};
  const auto place = locate(path.has_filename() ? path : path.parent_path());
  if (!place) return std::unexpected(place.error());
  return give(path, *place);
}

}  // namespace grantd
