/// Private halves in the database, wrapped (wrapping.h): one key set for all nodes that share it.
///
/// There is no lock: a private half is written in the transaction of its key's record, and whoever
/// decided upon keys that another process changed meanwhile is refused and decides anew. When a key
/// is removed or compromised its private half is deleted.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "server/base/random.h"
#include "server/keys/custody.h"
#include "server/keys/wrapping.h"

namespace grantd::keys {

class DatabaseCustody final : public KeyCustody {
 public:
  /// Whether the file must hold every wrapping key that the database uses: a server's must; with a
  /// command an operator gets out of the plight that one is lost.
  enum class Cover { required, not_required };
  /// `wrapping_key_file` is read now, and by renew(). Error: a sentence.
  [[nodiscard]] static std::expected<std::unique_ptr<DatabaseCustody>, std::string> make(
      storage::KeyStore& store, std::filesystem::path wrapping_key_file, Random& random,
      Cover cover);

  [[nodiscard]] std::expected<std::unique_ptr<Session>, Fault> open(
      std::chrono::milliseconds patience) override;
  [[nodiscard]] std::expected<void, std::string> prepare() override { return {}; }
  [[nodiscard]] std::expected<Renewal, std::string> renew() override;
  void accompany(storage::KeyStore::Update& update, WallTime now) const override;
  [[nodiscard]] const Words& words() const override { return words_; }
  [[nodiscard]] bool takes_back() const override { return true; }

  struct Rewrapped {
    std::size_t rewrapped{0};
    std::map<std::string, std::size_t> in_use{};  // keys by wrapping key, afterwards
    std::string current{};
    std::vector<std::string> failures{};  // what could not be unwrapped, and why
  };
  /// Wraps all under the first line of the file, but what was removed meanwhile. Once that is done,
  /// no other line is in use.
  [[nodiscard]] storage::StoreResult<Rewrapped> rewrap(WallTime now, std::string_view actor);

 private:
  class Unlocked;
  DatabaseCustody(storage::KeyStore& store, std::filesystem::path file, Random& random);
  [[nodiscard]] std::expected<void, std::string> read_file(Cover cover);

  storage::KeyStore& store_;
  std::filesystem::path file_;
  Random& random_;
  std::optional<WrappingKeys> keys_;    // there once make() is done
  std::optional<std::string> warning_;  // of the file's permissions
  Words words_;
};

}  // namespace grantd::keys
