/// Nodes that share their keys through one database, over many rotations: they are cut off, killed
/// between any two steps, started again; transactions hang. At every moment no node may sign with a
/// key that the JWKS of another lacks, as fresh or as cached as it may be, and every token must
/// verify until it has expired.
#include <functional>
#include <random>
#include <set>

#include "tests/unit/keys/nodes.h"

namespace grantd::keys {
namespace {

constexpr seconds jwks_max_age{60};
constexpr seconds offline_grace{40};
constexpr seconds max_lifetime{120};
constexpr int nodes_running = 3;
constexpr int rotations_wanted = 12;
constexpr int max_steps = 20'000;

RotationSettings settings_of_simulation() {
  RotationSettings settings;
  settings.rotate_every = minutes{10};
  settings.publish_before = jwks_max_age + offline_grace;
  settings.max_lifetime = max_lifetime;
  settings.clock_skew = seconds{5};
  settings.unheard = offline_grace + seconds{1};
  return settings;
}

/// The process is no more: nothing of it runs on.
struct Killed {};

/// The database as one node reaches it: away while the node is cut off, slow to commit, and a place
/// to die in.
class ShakyStore final : public storage::KeyStore {
 public:
  ShakyStore(storage::KeyStore& store, testing::ManualClock& clock, std::mt19937& random)
      : store_(store), clock_(clock), random_(random) {}

  bool cut_off{false};
  bool deadly{false};
  /// What others do between a decision's `now` and its transaction.
  std::function<void()> meanwhile{[] {}};

  storage::StoreResult<Records> load_keys() override {
    return reach<Records>([&] { return store_.load_keys(); });
  }
  storage::StoreResult<std::vector<WrappedKey>> load_wrapped_keys() override {
    return reach<std::vector<WrappedKey>>([&] { return store_.load_wrapped_keys(); });
  }
  storage::StoreResult<Records> update_keys(
      const std::function<std::expected<Update, std::string>(const Records&)>& decide,
      sys_seconds now, std::string_view actor) override {
    return reach<Records>([&] {
      meanwhile();
      return store_.update_keys(
          [&](const Records& stored) {
            auto update = decide(stored);
            maybe_die();
            // It hangs before it is committed, and time passes for everybody.
            if (random_() % 4 == 0) clock_.advance(seconds{random_() % 30});
            return update;
          },
          now, actor);
    });
  }

 private:
  template <typename T, typename Call>
  storage::StoreResult<T> reach(const Call& call) {
    using storage::StoreError;
    if (cut_off) {
      return std::unexpected(StoreError{storage::StoreErrorCode::unavailable, "cut off"});
    }
    maybe_die();
    auto result = call();
    maybe_die();
    return result;
  }
  void maybe_die() {
    if (deadly && random_() % 8 == 0) throw Killed{};
  }

  storage::KeyStore& store_;
  testing::ManualClock& clock_;
  std::mt19937& random_;
};

class SharedKeys : public NodesTest, public ::testing::WithParamInterface<unsigned> {
 protected:
  /// One process, from its start to its death.
  struct Process {
    Process(SharedKeys& world, std::unique_ptr<storage::sqlite::SqliteStorage> opened)
        : storage(std::move(opened)), store(*storage, world.clock, world.dice) {}

    std::unique_ptr<storage::sqlite::SqliteStorage> storage;
    ShakyStore store;
    SystemRandom random;
    std::unique_ptr<DatabaseCustody> custody;
    std::unique_ptr<KeyRing> ring;
    std::int64_t read_to{0};
    SteadyTime read_at{};
    SteadyTime cut_off_until{};
  };
  /// A JWKS that some node served; a verifier may have fetched it until `last`.
  struct Served {
    const Process* by{};
    std::set<std::string> kids{};
    SteadyTime last{};
  };
  struct Token {
    std::string kid{};
    WallTime expires{};
  };

  void run() {
    for (int step = 0; step < max_steps && rotations < rotations_wanted; ++step) {
      if (::testing::Test::HasFailure()) return;
      step_by(milliseconds(200 + dice() % pick({300U, 3000U, 20'000U})));
      if (chance(100)) bring_a_key();
      count_rotations();
    }
    EXPECT_EQ(rotations, rotations_wanted);
    EXPECT_GT(deaths, 5);
    EXPECT_GT(tokens_checked, 1000);
  }

  std::mt19937 dice{GetParam()};

 private:
  using milliseconds = std::chrono::milliseconds;

  unsigned pick(std::initializer_list<unsigned> from) {
    return *(from.begin() + static_cast<std::ptrdiff_t>(dice() % from.size()));
  }
  bool chance(unsigned one_in) { return dice() % one_in == 0; }

  void step_by(milliseconds time) {
    clock.advance(time);
    std::shuffle(slots.begin(), slots.end(), dice);
    for (auto& process : slots) turn(process);
  }

  void turn(std::unique_ptr<Process>& process) {
    try {
      if (process == nullptr) {
        if (!chance(3)) return;
        auto born = std::make_unique<Process>(*this, open_shared(database));
        born->store.deadly = chance(3);
        if (start(*born)) process = std::move(born);
      } else {
        serve_on(*process);
        disturb(*process);
        follow(*process);
      }
    } catch (const Killed&) {
      ++deaths;
      if (process != nullptr) serve_on(*process);
      for (auto& jwks : served) {
        if (jwks.by == process.get()) jwks.by = nullptr;
      }
      process.reset();
    }
    if (process != nullptr) serve(*process);
  }

  /// An operator's command: such a key signs as soon as it may.
  void bring_a_key() {
    Process command(*this, open_shared(database));
    command.store.deadly = chance(3);
    // As a COMMIT that waits for a standby: nothing bounds it, and nobody sees what it wrote.
    command.store.meanwhile = [this] {
      for (auto i = dice() % pick({14U, 150U}); i > 0; --i) step_by(seconds{2});
    };
    try {
      command.custody =
          DatabaseCustody::make(command.store, wrapping, command.random, Cover::not_required)
              .value();
      KeyAccess access{*command.custody, command.store, settings_of_simulation(), "operator:ada"};
      const auto pem = testing::test_key(brought++)->to_pem();
      EXPECT_TRUE(import_key(access, pem.view(), clock.now()));
    } catch (const Killed&) {
      ++deaths;
    }
  }

  bool start(Process& process) {
    auto made = DatabaseCustody::make(process.store, wrapping, process.random, Cover::required);
    EXPECT_TRUE(made) << made.error();
    process.custody = std::move(*made);
    process.ring = std::make_unique<KeyRing>(
        *process.custody, process.store, clock, [](const KeyEvent& event) {
          const bool expected = event.detail.contains("cut off");
          EXPECT_TRUE(event.kind != Kind::warning || expected) << event.detail;
          EXPECT_NE(event.kind, Kind::file_skipped) << event.detail;
        });
    process.read_at = clock.steady();
    process.read_to = process.storage->newest_change().value();
    const auto started = process.ring->start(settings_of_simulation());
    EXPECT_TRUE(started) << started.error();
    return started.has_value();
  }

  void disturb(Process& process) {
    if (chance(200)) throw Killed{};
    process.store.deadly = chance(2);
    if (chance(30)) process.cut_off_until = clock.steady() + seconds{pick({3U, 35U, 90U})};
    process.store.cut_off = clock.steady() < process.cut_off_until;
  }

  /// As service::Following and Maintenance do.
  void follow(Process& process) {
    const SteadyTime sent = clock.steady();
    if (!process.store.cut_off) {
      const auto newest = process.storage->newest_change().value();
      if (newest != process.read_to) process.ring->note_change();
      process.read_to = newest;
    }
    process.ring->tick();
    // Fresh is only what is also shown.
    if (!process.store.cut_off && !process.ring->is_behind()) process.read_at = sent;
  }

  /// What it served at its last turn it has served since, for as long as it was fresh.
  void serve_on(const Process& process) {
    const auto until = std::min(clock.steady(), process.read_at + offline_grace);
    for (auto& jwks : served) {
      if (jwks.by == &process) jwks.last = std::max(jwks.last, until);
    }
  }

  /// What it says to the world: the JWKS, and tokens.
  void serve(const Process& process) {
    if (clock.steady() - process.read_at > offline_grace) return;
    const auto keys = process.ring->key_set().get();
    Served now{&process, {}, clock.steady()};
    for (const auto& record : records()) {
      if (keys->find(record.kid) != nullptr) now.kids.insert(record.kid);
    }
    for (auto& jwks : served) {
      if (jwks.by == &process) jwks.by = nullptr;
    }
    check_tokens_against(now);
    served.push_back(std::move(now));
    if (keys->signing() != nullptr) issue(keys->signing()->kid());
  }

  void issue(const std::string& kid) {
    for (const auto& process : slots) {
      if (process != nullptr) serve_on(*process);
    }
    const auto oldest = clock.steady() - jwks_max_age;
    std::erase_if(served, [&](const Served& jwks) { return jwks.last < oldest; });
    for (const auto& jwks : served) {
      EXPECT_TRUE(jwks.kids.contains(kid)) << "a JWKS in some cache lacks the key that signs";
    }
    tokens.push_back({kid, clock.now() + max_lifetime});
  }

  void check_tokens_against(const Served& jwks) {
    std::erase_if(tokens, [&](const Token& token) { return token.expires <= clock.now(); });
    for (const auto& token : tokens) {
      EXPECT_TRUE(jwks.kids.contains(token.kid)) << "a live token's key is not published";
      ++tokens_checked;
    }
  }

  void count_rotations() {
    const auto signing = only(KeyState::signing);
    EXPECT_LE(std::ranges::count_if(records(), is_signing), 1);
    if (!signing.empty() && signing != signed_last) ++rotations;
    signed_last = signing.empty() ? signed_last : signing;
  }

  std::vector<std::unique_ptr<Process>> slots{nodes_running};
  std::vector<Served> served;
  std::vector<Token> tokens;
  std::size_t brought{0};
  std::string signed_last;
  int rotations{0};
  int deaths{0};
  int tokens_checked{0};
};

TEST_P(SharedKeys, NoNodeSignsWithAKeyThatAnotherDoesNotPublishWhateverDies) { run(); }

INSTANTIATE_TEST_SUITE_P(Seeds, SharedKeys, ::testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace grantd::keys
