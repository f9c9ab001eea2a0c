/// The directory with the private keys: PKCS#8 PEM, one key a file, `*.pem`.
///
/// A new key is written as `<kid>.pem.new`, stored, and only then renamed to `<kid>.pem`: whatever
/// dies in between, no key signs that storage does not know. Whoever changes anything holds the
/// Lock. Calls block. Errors are sentences that name the file.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/descriptor.h"
#include "server/jose/rsa_key.h"

namespace grantd::keys {

class KeyDirectory {
 public:
  static constexpr std::size_t max_files = 1000;

  explicit KeyDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// flock(2) on the directory: between the server and the operator's commands. Released by the
  /// kernel however its holder ends.
  class Lock {
   private:
    friend class KeyDirectory;
    explicit Lock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
    Descriptor descriptor_;
  };
  struct LockError {
    bool busy{
        false};  // somebody held it for all of `patience`; else the directory cannot be opened
    std::string detail{};
  };
  /// A command that was suspended while it held the lock must not hold up a server for ever.
  [[nodiscard]] std::expected<Lock, LockError> lock(std::chrono::milliseconds patience) const;
  /// With its parents, mode 0700, where it is missing.
  [[nodiscard]] std::expected<void, std::string> make() const;

  using PrivateKey = std::shared_ptr<const jose::RsaPrivateKey>;
  struct Content {
    std::vector<PrivateKey> keys{};       // by kid, each once
    std::vector<std::string> skipped{};   // files that are no usable key, and why
    std::vector<std::string> warnings{};  // files that are used and could be safer
  };
  /// Every regular `*.pem`, also through a link. Error: the directory cannot be read.
  [[nodiscard]] std::expected<Content, std::string> load(const Lock& lock) const;
  /// The key in `<kid>.pem`.
  [[nodiscard]] std::expected<PrivateKey, std::string> load_one(const Lock& lock,
                                                                std::string_view kid) const;

  /// `<kid>.pem.new`, on disk when it returns.
  [[nodiscard]] std::expected<void, std::string> write_new(const Lock& lock,
                                                           const jose::RsaPrivateKey& key) const;
  /// `<kid>.pem.new` becomes `<kid>.pem`.
  [[nodiscard]] std::expected<void, std::string> accept_new(const Lock& lock,
                                                            std::string_view kid) const;
  void discard_new(const Lock& lock, std::string_view kid) const;
  /// What a crash left behind: each `*.pem.new` is accepted where `is_known` says so of its kid,
  /// else discarded. Sentences for what could not be done.
  std::vector<std::string> recover(const Lock& lock,
                                   const std::function<bool(std::string_view)>& is_known) const;

  /// Every file that holds the key of that kid goes to `retired/`. No such file is not an error.
  [[nodiscard]] std::expected<void, std::string> move_to_retired(const Lock& lock,
                                                                 std::string_view kid) const;

 private:
  using Paths = std::vector<std::filesystem::path>;
  /// The files whose name ends so, sorted.
  [[nodiscard]] std::expected<Paths, std::string> list(std::string_view suffix) const;
  [[nodiscard]] std::expected<void, std::string> rename(const std::filesystem::path& from,
                                                        const std::filesystem::path& to) const;
  [[nodiscard]] std::filesystem::path file_of(std::string_view kid) const;
  [[nodiscard]] std::filesystem::path new_file_of(std::string_view kid) const;

  std::filesystem::path path_;
};

}  // namespace grantd::keys
