/// The running server's keys: the private halves in custody, what storage knows, what signs now.
///
/// All verbs but those that say otherwise block (files, storage) and are called by one maintenance
/// thread, never by an event loop. What could not be loaded never takes a working set down
/// (interface.md, "Reload", "Signing keys"). Several nodes may share the keys: each plans for
/// itself, the database lets one of them write, and that another was first is no event
/// (docs/adr/0009).
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"
#include "server/base/snapshot.h"
#include "server/keys/key_set.h"
#include "server/keys/rotation.h"
#include "storage/stores.h"

namespace grantd::keys {

class KeyCustody;

/// What an operator should hear of; `kind` is the log event's name.
struct KeyEvent {
  enum class Kind {
    published,     // key_published
    signs,         // key_signs
    retired,       // key_retired
    removed,       // key_removed
    file_skipped,  // key_file_skipped: a private half, counted as a load failure; a warning
    warning,       // key_warning
  };
  Kind kind{};
  std::string kid{};     // empty where the file could not be read
  std::string detail{};  // a sentence; never key material
};

class KeyRing {
 public:
  using Observer = std::function<void(const KeyEvent&)>;

  /// `custody`, `store` and `clock` outlive the ring.
  KeyRing(KeyCustody& custody, storage::KeyStore& store, const Clock& clock, Observer observer);
  ~KeyRing();

  /// Loads, publishes what is new, generates the first key of an empty installation. Error: one
  /// sentence why the server must not start.
  [[nodiscard]] std::expected<void, std::string> start(const RotationSettings& settings);

  /// Custody and settings anew (SIGHUP). Error: the settings name a kid that can never sign, the
  /// wrapping keys do not cover what is wrapped, storage is away or does not record that tokens
  /// live longer, or a command holds the directory; all stays as it was.
  [[nodiscard]] std::expected<void, std::string> reload(const RotationSettings& settings);

  /// What a command or another node changed: storage anew, and private halves not seen yet.
  void refresh();
  /// A change of keys was read: the next tick looks at storage anew. Any thread; does not block.
  void note_change();
  /// Whether a change was noted that key_set() does not show yet: what it shows is then not as
  /// fresh as what was read of `change`. Any thread.
  [[nodiscard]] bool is_behind() const;

  /// Does what is due: cheap where nothing is. Generates a standby key where one is missing, off
  /// every request's way because it runs on the maintenance thread.
  void tick();

  /// To be read by any thread.
  [[nodiscard]] const Snapshot<KeySet>& key_set() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grantd::keys
