/// Several nodes that share one database with their keys in it, and a clock.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "server/keys/database_custody.h"
#include "server/keys/key_ring.h"
#include "server/keys/operations.h"
#include "storage/sqlite/sqlite_storage.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_keys.h"

namespace grantd::keys {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Kind = KeyEvent::Kind;
using Cover = DatabaseCustody::Cover;

inline const std::string old_line(64, '1');
inline const std::string new_line(64, '2');

/// Each with a month's rotation, and 40 s without news of the others.
inline RotationSettings of_many_nodes() {
  RotationSettings settings;
  settings.rotate_every = days{30};
  settings.publish_before = minutes{15};
  settings.max_lifetime = hours{1};
  settings.clock_skew = seconds{30};
  settings.unheard = seconds{41};
  return settings;
}

inline std::unique_ptr<storage::sqlite::SqliteStorage> open_shared(
    const std::filesystem::path& file) {
  using storage::sqlite::SqliteStorage;
  auto opened = SqliteStorage::open({.path = file}, SqliteStorage::Create::yes);
  if (!opened) throw std::runtime_error(opened.error());
  const auto applied = (*opened)->applied_migrations();
  const auto planned = storage::plan_migrations((*opened)->known_migrations(), applied.value());
  if (!(*opened)->apply(planned.value(), testing::ManualClock::start)) {
    throw std::runtime_error("no schema");
  }
  return std::move(*opened);
}

/// What one process has.
struct Node {
  Node(const std::filesystem::path& database, const std::filesystem::path& wrapping_key_file,
       const Clock& its_clock)
      : storage(open_shared(database)) {
    auto made = DatabaseCustody::make(*storage, wrapping_key_file, random, Cover::required);
    if (!made) throw std::runtime_error(made.error());
    custody = std::move(*made);
    ring = std::make_unique<KeyRing>(*custody, *storage, its_clock,
                                     [this](const KeyEvent& event) { events.push_back(event); });
  }

  [[nodiscard]] std::string signing() const {
    const auto& key = ring->key_set().get()->signing();
    return key == nullptr ? std::string() : key->kid();
  }
  [[nodiscard]] bool publishes(const std::string& kid) const {
    return ring->key_set().get()->find(kid) != nullptr;
  }
  [[nodiscard]] std::size_t count(Kind kind) const {
    return static_cast<std::size_t>(std::ranges::count(events, kind, &KeyEvent::kind));
  }
  [[nodiscard]] const KeyEvent* heard(Kind kind, const std::string& kid) const {
    const auto found = std::ranges::find_if(
        events, [&](const KeyEvent& event) { return event.kind == kind && event.kid == kid; });
    return found == events.end() ? nullptr : &*found;
  }

  SystemRandom random;
  std::unique_ptr<storage::sqlite::SqliteStorage> storage;
  std::unique_ptr<DatabaseCustody> custody;
  std::vector<KeyEvent> events;
  std::unique_ptr<KeyRing> ring;
};

class NodesTest : public ::testing::Test {
 protected:
  NodesTest()
      : database(temporary / "grantd.db"),
        wrapping(temporary / "wrapping"),
        storage(open_shared(database)) {
    testing::write_text(wrapping, old_line);
  }

  [[nodiscard]] std::unique_ptr<Node> node() const { return node(wrapping); }
  [[nodiscard]] std::unique_ptr<Node> node(const std::filesystem::path& wrapping_key_file) const {
    return std::make_unique<Node>(database, wrapping_key_file, clock);
  }
  [[nodiscard]] std::unique_ptr<Node> started(
      const RotationSettings& settings = of_many_nodes()) const {
    auto made = node();
    const auto result = made->ring->start(settings);
    EXPECT_TRUE(result) << result.error();
    return made;
  }
  /// Time passes, and every node hears of everything.
  static void tick(std::initializer_list<Node*> nodes) {
    for (int round = 0; round < 2; ++round) {
      for (Node* each : nodes) each->ring->refresh();
    }
  }

  [[nodiscard]] Records records() const { return storage->load_keys().value(); }
  [[nodiscard]] std::vector<WrappedKey> wrapped() const {
    return storage->load_wrapped_keys().value();
  }
  [[nodiscard]] bool is_wrapped(const std::string& kid) const {
    const auto rows = wrapped();
    return std::ranges::find(rows, kid, &WrappedKey::kid) != rows.end();
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

  testing::TempDir temporary;
  std::filesystem::path database;
  std::filesystem::path wrapping;
  testing::ManualClock clock;
  std::unique_ptr<storage::sqlite::SqliteStorage> storage;
};

}  // namespace grantd::keys
