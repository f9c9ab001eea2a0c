#include "server/keys/key_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <thread>

#include "server/base/files.h"

namespace grantd::keys {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view key_suffix = ".pem";
constexpr std::string_view new_suffix = ".pem.new";
constexpr const char* retired_directory = "retired";
constexpr std::chrono::milliseconds lock_poll_interval{5};

std::unexpected<std::string> system_fault(const fs::path& path, std::string_view doing, int error) {
  return std::unexpected(path.string() + ": " + std::string(doing) + ": " +
                         std::generic_category().message(error));
}

struct KeyFile {
  KeyDirectory::PrivateKey key;
  std::optional<std::string> warning{};
};

std::expected<KeyFile, std::string> read_key(const fs::path& file) {
  auto read = read_private_file(file, jose::max_pem_bytes);
  if (!read) return std::unexpected(std::move(read.error()));
  auto key = jose::RsaPrivateKey::from_pem(read->content.view());
  if (!key) return std::unexpected(file.string() + ": " + key.error());
  return KeyFile{std::move(*key), std::move(read->warning)};
}

/// A rename is on disk once its directory is.
std::expected<void, std::string> sync(const fs::path& directory) {
  const Descriptor descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot sync a directory (EINVAL); what they keep, they keep without it.
  if (!descriptor.valid() || (::fsync(descriptor.get()) != 0 && errno != EINVAL)) {
    return system_fault(directory, "cannot be synced", errno);
  }
  return {};
}

}  // namespace

fs::path KeyDirectory::file_of(std::string_view kid) const {
  return path_ / (std::string(kid) + std::string(key_suffix));
}

fs::path KeyDirectory::new_file_of(std::string_view kid) const {
  return path_ / (std::string(kid) + std::string(new_suffix));
}

std::expected<KeyDirectory::Lock, KeyDirectory::LockError> KeyDirectory::lock(
    std::chrono::milliseconds patience) const {
  const auto fault = [this](std::string_view doing, int error) {
    return std::unexpected(LockError{false, system_fault(path_, doing, error).error()});
  };
  Descriptor descriptor(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor.valid()) return fault("cannot be opened", errno);
  const auto until = std::chrono::steady_clock::now() + patience;
  while (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return fault("cannot be locked", errno);
    if (std::chrono::steady_clock::now() >= until) {
      return std::unexpected(LockError{
          true, path_.string() + ": is locked by another grantd; try again once it is done"});
    }
    std::this_thread::sleep_for(lock_poll_interval);
  }
  return Lock(std::move(descriptor));
}

std::expected<void, std::string> KeyDirectory::make() const {
  return make_private_directory(path_);
}

std::expected<KeyDirectory::Paths, std::string> KeyDirectory::list(std::string_view suffix) const {
  Paths found;
  std::error_code error;
  fs::directory_iterator entry(path_, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    if (!entry->path().filename().native().ends_with(suffix)) continue;
    if (found.size() == max_files) {
      return std::unexpected(path_.string() + ": holds more than " + std::to_string(max_files) +
                             " files *" + std::string(suffix));
    }
    found.push_back(entry->path());
  }
  if (error) return system_fault(path_, "cannot be read", error.value());
  std::ranges::sort(found);
  return found;
}

std::expected<KeyDirectory::Content, std::string> KeyDirectory::load(const Lock&) const {
  const auto files = list(key_suffix);
  if (!files) return std::unexpected(files.error());
  Content content;
  for (const auto& file : *files) {
    auto read = read_key(file);
    if (!read) {
      content.skipped.push_back(std::move(read.error()));
      continue;
    }
    if (read->warning) content.warnings.push_back(std::move(*read->warning));
    content.keys.push_back(std::move(read->key));
  }
  std::ranges::sort(content.keys, {}, &jose::RsaPrivateKey::kid);
  const auto twice = std::ranges::unique(content.keys, {}, &jose::RsaPrivateKey::kid);
  content.keys.erase(twice.begin(), twice.end());
  return content;
}

std::expected<KeyDirectory::PrivateKey, std::string> KeyDirectory::load_one(
    const Lock&, std::string_view kid) const {
  auto read = read_key(file_of(kid));
  if (!read) return std::unexpected(std::move(read.error()));
  if (read->key->kid() != kid) {
    return std::unexpected(file_of(kid).string() + ": holds the key " + read->key->kid());
  }
  return std::move(read->key);
}

std::expected<void, std::string> KeyDirectory::write_new(const Lock&,
                                                         const jose::RsaPrivateKey& key) const {
  return write_private_file(new_file_of(key.kid()), key.to_pem().view(), IfExists::replace);
}

std::expected<void, std::string> KeyDirectory::rename(const fs::path& from,
                                                      const fs::path& to) const {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    return system_fault(from, "cannot be renamed to " + to.string(), errno);
  }
  if (auto synced = sync(to.parent_path()); !synced) return synced;
  return from.parent_path() == to.parent_path() ? std::expected<void, std::string>{}
                                                : sync(from.parent_path());
}

std::expected<void, std::string> KeyDirectory::accept_new(const Lock&, std::string_view kid) const {
  return rename(new_file_of(kid), file_of(kid));
}

void KeyDirectory::discard_new(const Lock&, std::string_view kid) const {
  // Left behind, it would be discarded by the next recovery.
  std::error_code ignored;
  fs::remove(new_file_of(kid), ignored);
}

std::vector<std::string> KeyDirectory::recover(
    const Lock& lock, const std::function<bool(std::string_view)>& is_known) const {
  const auto files = list(new_suffix);
  if (!files) return {files.error()};
  std::vector<std::string> failures;
  for (const auto& file : *files) {
    std::string kid = file.filename().string();
    kid.resize(kid.size() - new_suffix.size());
    if (!is_known(kid)) {
      discard_new(lock, kid);
    } else if (const auto accepted = accept_new(lock, kid); !accepted) {
      failures.push_back(accepted.error());
    }
  }
  return failures;
}

std::expected<void, std::string> KeyDirectory::move_to_retired(const Lock&,
                                                               std::string_view kid) const {
  const auto files = list(key_suffix);
  if (!files) return std::unexpected(files.error());
  const KeyDirectory retired(path_ / retired_directory);
  for (const auto& file : *files) {
    // By content: a file placed by hand bears any name. Ours is moved unread, readable or not.
    if (file != file_of(kid)) {
      const auto read = read_key(file);
      if (!read || read->key->kid() != kid) continue;
    }
    if (auto made = retired.make(); !made) return made;
    if (auto moved = rename(file, retired.file_of(kid)); !moved) return moved;
  }
  return {};
}

}  // namespace grantd::keys
