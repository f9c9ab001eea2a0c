/// Private halves in a directory (key_directory.h), under its lock.
///
/// A new key's file (`.pem.new`) comes first, then the transaction, then the rename: a crash in
/// between leaves either nothing that storage knows, or a file that the next recovery puts in
/// place.
#pragma once

#include <filesystem>

#include "server/keys/custody.h"
#include "server/keys/key_directory.h"

namespace grantd::keys {

class DirectoryCustody final : public KeyCustody {
 public:
  DirectoryCustody(std::filesystem::path directory, storage::KeyStore& store);

  [[nodiscard]] std::expected<std::unique_ptr<Session>, Fault> open(
      std::chrono::milliseconds patience) override;
  [[nodiscard]] std::expected<void, std::string> prepare() override;
  /// Nothing but the files' own permissions does.
  [[nodiscard]] std::expected<Renewal, std::string> renew() override { return Renewal({}); }
  void accompany(storage::KeyStore::Update&, WallTime) const override {}
  [[nodiscard]] const Words& words() const override { return words_; }
  [[nodiscard]] bool takes_back() const override { return false; }

 private:
  class Locked;

  KeyDirectory directory_;
  storage::KeyStore& store_;
  Words words_;
};

}  // namespace grantd::keys
