/// A key directory, a database and a clock of a test's own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "server/keys/directory_custody.h"
#include "server/keys/key_ring.h"
#include "server/keys/operations.h"
#include "storage/sqlite/sqlite_storage.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_keys.h"

namespace grantd::keys {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Kind = KeyEvent::Kind;
namespace fs = std::filesystem;

inline RotationSettings month() {
  RotationSettings settings;
  settings.rotate_every = days{30};
  settings.publish_before = minutes{15};
  settings.max_lifetime = hours{1};
  settings.clock_skew = seconds{30};
  return settings;
}

inline RotationSettings never() {
  auto settings = month();
  settings.rotate_every.reset();
  return settings;
}

inline RotationSettings pinned_to(const std::string& kid) {
  auto settings = month();
  settings.pinned = kid;
  return settings;
}

class KeysTest : public ::testing::Test {
 protected:
  KeysTest()
      : directory(temporary / "keys"), storage(open_storage()), custody(directory, *storage) {}

  /// As another process has it open.
  [[nodiscard]] std::unique_ptr<storage::sqlite::SqliteStorage> open_storage() const {
    storage::sqlite::Options options;
    options.path = temporary / "grantd.db";
    auto opened =
        storage::sqlite::SqliteStorage::open(options, storage::sqlite::SqliteStorage::Create::yes);
    if (!opened) throw std::runtime_error(opened.error());
    const auto applied = (*opened)->applied_migrations();
    const auto planned = storage::plan_migrations(storage::sqlite_migrations(), applied.value());
    if (!(*opened)->apply(planned.value(), testing::ManualClock::start)) {
      throw std::runtime_error("no schema");
    }
    return std::move(*opened);
  }

  [[nodiscard]] std::unique_ptr<KeyRing> make_ring() {
    return std::make_unique<KeyRing>(custody, *storage, clock,
                                     [this](const KeyEvent& event) { events.push_back(event); });
  }
  [[nodiscard]] std::unique_ptr<KeyRing> started(const RotationSettings& settings = month()) {
    auto ring = make_ring();
    const auto result = ring->start(settings);
    EXPECT_TRUE(result) << result.error();
    return ring;
  }

  [[nodiscard]] KeyAccess access(const RotationSettings& settings = month()) {
    return {custody, *storage, settings, "operator:ada"};
  }

  [[nodiscard]] std::vector<storage::KeyRecord> records() const {
    return storage->load_keys().value();
  }
  [[nodiscard]] storage::KeyRecord record(const std::string& kid) const {
    for (const auto& key : records()) {
      if (key.kid == kid) return key;
    }
    throw std::runtime_error("no record " + kid);
  }
  [[nodiscard]] KeyState state_of(const std::string& kid) const {
    return state(record(kid), clock.now());
  }
  /// The one key in that state; empty where there is none, or are more.
  [[nodiscard]] std::string only(KeyState wanted) const {
    std::string found;
    for (const auto& key : records()) {
      if (state(key, clock.now()) != wanted) continue;
      if (!found.empty()) return {};
      found = key.kid;
    }
    return found;
  }

  static std::string signing(const KeyRing& ring) {
    const auto& key = ring.key_set().get()->signing();
    return key == nullptr ? std::string() : key->kid();
  }
  static bool publishes(const KeyRing& ring, const std::string& kid) {
    return ring.key_set().get()->find(kid) != nullptr;
  }

  /// As an operator does by hand.
  fs::path place(std::size_t index, const std::string& name, mode_t mode = 0600) const {
    fs::create_directories(directory);
    testing::write_text(directory / name, std::string(testing::test_key(index)->to_pem().view()),
                        mode);
    return directory / name;
  }
  [[nodiscard]] fs::path file_of(const std::string& kid) const {
    return directory / (kid + ".pem");
  }
  [[nodiscard]] fs::path retired_file_of(const std::string& kid) const {
    return directory / "retired" / (kid + ".pem");
  }

  [[nodiscard]] std::size_t count(Kind kind) const {
    return static_cast<std::size_t>(std::ranges::count(events, kind, &KeyEvent::kind));
  }
  [[nodiscard]] bool heard(Kind kind, const std::string& kid) const {
    return std::ranges::any_of(
        events, [&](const KeyEvent& event) { return event.kind == kind && event.kid == kid; });
  }
  [[nodiscard]] bool warned_of(std::string_view what) const {
    return std::ranges::any_of(events, [&](const KeyEvent& event) {
      return event.kind == Kind::warning && event.detail.contains(what);
    });
  }

  testing::TempDir temporary;
  fs::path directory;
  testing::ManualClock clock;
  std::unique_ptr<storage::sqlite::SqliteStorage> storage;
  DirectoryCustody custody;
  std::vector<KeyEvent> events;
};

}  // namespace grantd::keys
