/// The running server's keys: what the directory holds, what storage knows, what signs now.
///
/// All verbs block (files, storage) and are called by one maintenance thread, never by an event
/// loop; key_set() may be read by any thread. What could not be loaded never takes a working set
/// down (interface.md, "Reload", "Signing keys").
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"
#include "server/base/snapshot.h"
#include "server/keys/key_set.h"
#include "server/keys/rotation.h"
#include "storage/stores.h"

namespace grantd::keys {

/// What an operator should hear of; `kind` is the log event's name.
struct KeyEvent {
  enum class Kind {
    published,     // key_published
    signs,         // key_signs
    retired,       // key_retired
    removed,       // key_removed
    file_skipped,  // key_file_skipped: a warning, counted as a load failure
    warning,       // key_warning
  };
  Kind kind{};
  std::string kid{};     // empty where the file could not be read
  std::string detail{};  // a sentence; never key material
};

class KeyRing {
 public:
  using Observer = std::function<void(const KeyEvent&)>;

  KeyRing(std::filesystem::path directory, storage::KeyStore& store, const Clock& clock,
          Observer observer);
  ~KeyRing();

  /// Loads, publishes what is new, generates the first key of an empty installation. Error: one
  /// sentence why the server must not start.
  [[nodiscard]] std::expected<void, std::string> start(const RotationSettings& settings);

  /// The directory and the settings anew (SIGHUP). Error: the settings name a kid that can never
  /// sign, storage is away, or a command holds the directory; all stays as it was.
  [[nodiscard]] std::expected<void, std::string> reload(const RotationSettings& settings);

  /// What a command changed: storage anew, and files of keys not seen yet.
  void refresh();

  /// Does what is due: cheap where nothing is. Generates a standby key where one is missing, off
  /// every request's way because it runs on the maintenance thread.
  void tick();

  [[nodiscard]] const Snapshot<KeySet>& key_set() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grantd::keys
