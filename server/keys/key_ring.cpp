#include "server/keys/key_ring.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/keys/effective.h"
#include "server/keys/key_directory.h"
#include "server/keys/private_keys.h"
#include "server/keys/publication.h"

namespace grantd::keys {
namespace {

using Kind = KeyEvent::Kind;
using Lock = KeyDirectory::Lock;
using storage::KeyOrigin;
using storage::KeyRecord;

constexpr std::string_view actor = "server";

/// How long the maintenance thread waits for a command that holds the directory's lock: revocations
/// are noticed by the same thread.
constexpr std::chrono::milliseconds lock_patience{500};
/// Between attempts to publish a standby key.
constexpr std::chrono::seconds standby_retry{60};
/// A plan that met another process's change is made anew; the next tick goes on where this ended.
constexpr int max_rounds = 4;

/// Conditions that last: the operator hears of each once, when it begins.
class Episodes {
 public:
  [[nodiscard]] bool begins(const std::string& name) { return open_.insert(name).second; }
  void ends(std::string_view name) {
    if (const auto found = open_.find(name); found != open_.end()) open_.erase(found);
  }

 private:
  Kids open_;
};

}  // namespace

class KeyRing::Impl {
 public:
  Impl(std::filesystem::path directory, storage::KeyStore& store, const Clock& clock,
       Observer observer)
      : directory_(std::move(directory)),
        store_(store),
        clock_(clock),
        observer_(std::move(observer)),
        key_set_(std::make_shared<const KeySet>(
            nullptr, std::vector<std::shared_ptr<const jose::RsaPublicKey>>{})) {}

  std::expected<void, std::string> start(const RotationSettings& settings) {
    auto records = store_.load_keys();
    if (!records) return std::unexpected("storage: " + records.error().detail);
    if (records->empty()) {
      if (auto made = directory_.make(); !made) return made;
    }
    {
      const auto lock = directory_.lock(lock_patience);
      if (!lock) return std::unexpected(lock.error().detail);
      report_all(Kind::warning, recover(directory_, *lock, *records));
      auto content = directory_.load(*lock);
      if (!content) return std::unexpected(content.error());
      if (auto pin = check_pin(settings, *records, content->keys); !pin) return pin;
      settings_ = settings;
      seen_ = effective(*records, {}, clock_.now());
      take_records(std::move(*records));
      if (auto taken = take_files(std::move(*content)); !taken) return taken;
      if (records_.empty()) {
        if (auto made = publish_new_key(*lock); !made) return made;
      }
    }
    tick();
    if (key_set_.get()->signing() != nullptr) return {};
    return std::unexpected(storage_fault_.empty() ? why_none_signs() : storage_fault_);
  }

  std::expected<void, std::string> reload(const RotationSettings& settings) {
    auto records = store_.load_keys();
    if (!records) return std::unexpected("storage: " + records.error().detail);
    {
      const auto lock = directory_.lock(lock_patience);
      if (!lock && lock.error().busy) return std::unexpected(lock.error().detail);
      auto content = lock ? read_directory(*lock, *records)
                          : std::expected<KeyDirectory::Content, std::string>(
                                std::unexpected(lock.error().detail));
      // A directory that is gone is like one without files: the last good set signs on.
      if (!content) content = KeyDirectory::Content{{}, {content.error()}, {}};
      if (auto pin = check_pin(settings, *records, content->keys); !pin) return pin;
      settings_ = settings;
      take_records(std::move(*records));
      if (const auto taken = take_files(std::move(*content)); !taken) {
        report(Kind::warning, {}, taken.error());
      }
    }
    standby_not_before_ = {};
    tick();
    return {};
  }

  void refresh() {
    refresh_due_ = true;
    tick();
  }

  void tick() {
    const bool settled = !refresh_due_ || try_refresh();
    for (int round = 0; settled && round < max_rounds; ++round) {
      const WallTime now = clock_.now();
      const RotationPlan plan = make_plan(now);
      const Written written = plan.update.put.empty() ? Written::yes : write(plan, now);
      if (written == Written::met_a_change) continue;
      if (written == Written::no) break;
      show(plan.signing, now);
      // With no key left that can sign, a standby would be a new key made in silence.
      if (plan.signing.empty() || !plan.needs_standby || !publish_standby()) break;
    }
    // Also where nothing could be decided: a key leaves the JWKS when its time has come.
    show(seen_.signing, clock_.now());
    if (!to_retired_.empty()) move_retired_files();
  }

  [[nodiscard]] const Snapshot<KeySet>& key_set() const { return key_set_; }

 private:
  enum class Written { yes, no, met_a_change };

  void report(Kind kind, std::string kid, std::string detail) const {
    observer_({kind, std::move(kid), std::move(detail)});
  }
  void report_all(Kind kind, const std::vector<std::string>& details) const {
    for (const auto& detail : details) report(kind, {}, detail);
  }

  /// Says whether it did; the operator hears of it where it did not, once until it does.
  bool storage_answers(const storage::StoreError* error) {
    if (error != nullptr && storage_fault_.empty()) {
      report(Kind::warning, {}, "storage: " + error->detail + "; the keys in force stay in force");
    }
    storage_fault_ = error == nullptr ? std::string() : "storage: " + error->detail;
    return error == nullptr;
  }

  [[nodiscard]] std::expected<void, std::string> check_pin(
      const RotationSettings& settings, const Records& records,
      const std::vector<KeyDirectory::PrivateKey>& files) const {
    if (!settings.pinned) return {};
    const std::string& kid = *settings.pinned;
    const auto* const record = find_record(records, kid);
    const std::string named = "keys.signing_key names " + kid + ", ";
    if (record == nullptr) {
      if (std::ranges::find(files, kid, &jose::RsaPrivateKey::kid) != files.end()) return {};
      return std::unexpected(named + "which neither storage nor " + directory_.path().string() +
                             " knows; `grantd key list` shows the keys");
    }
    if (record->compromised) {
      return std::unexpected(named + "which was retired with --now and never signs again");
    }
    if (!is_published(*record, clock_.now())) {
      return std::unexpected(named + "which was removed and never signs again");
    }
    return {};
  }

  [[nodiscard]] std::string why_none_signs() const {
    return "storage knows keys, but no file of theirs in " + directory_.path().string() +
           " can be used, and a new key is never made in silence; put the files back (is a mount "
           "missing?), or run `grantd key generate`";
  }

  std::expected<KeyDirectory::Content, std::string> read_directory(const Lock& lock,
                                                                   const Records& records) {
    report_all(Kind::warning, recover(directory_, lock, records));
    return directory_.load(lock);
  }

  void take_records(Records records) {
    records_ = std::move(records);
    private_keys_.drop_dead(records_, clock_.now());
  }

  /// Publishes what an operator placed by hand. Error: storage did not take it.
  std::expected<void, std::string> take_files(KeyDirectory::Content content) {
    report_all(Kind::file_skipped, content.skipped);
    report_all(Kind::warning, content.warnings);
    std::vector<KeyDirectory::PrivateKey> brought;
    std::erase_if(content.keys, [&](const auto& key) {
      const auto* const record = find_record(records_, key->kid());
      if (record == nullptr) brought.push_back(key);
      if (record == nullptr || is_published(*record, clock_.now())) return false;
      report(Kind::warning, key->kid(),
             "the file of a key that was removed is ignored, and goes to retired/");
      to_retired_.insert(key->kid());
      return true;
    });
    private_keys_.replace_files(content.keys);
    if (settings_.pinned && !private_keys_.with_file().contains(*settings_.pinned)) {
      report(Kind::warning, *settings_.pinned,
             "keys.signing_key names this key, but no file of it can be used; another one signs");
    }
    return brought.empty() ? std::expected<void, std::string>{} : publish_brought(brought);
  }

  std::expected<void, std::string> publish_brought(
      const std::vector<KeyDirectory::PrivateKey>& keys) {
    const WallTime now = clock_.now();
    auto records = store_.update_keys(
        [&](const Records& stored) -> std::expected<storage::KeyStore::Update, std::string> {
          Records after = stored;
          for (const auto& key : keys) {
            if (find_record(after, key->kid()) != nullptr) continue;
            after.push_back(new_record(*key->public_key(), KeyOrigin::operator_brought,
                                       signs_from_after(after), settings_, now));
          }
          return difference(stored, after);
        },
        floor_seconds(now), actor);
    if (!records) {
      return std::unexpected("keys placed by hand were not published: " + records.error().detail);
    }
    take_records(std::move(*records));
    return {};
  }

  /// The first key of an installation, or a standby.
  std::expected<void, std::string> publish_new_key(const Lock& lock) {
    auto key = jose::RsaPrivateKey::generate();
    if (!key) return std::unexpected(key.error());
    const WallTime now = clock_.now();
    auto records = publish(
        directory_, lock, store_, **key,
        [&](const Records& stored) -> std::expected<storage::KeyStore::Update, std::string> {
          if (stored != records_) return std::unexpected("another process changed the keys");
          Records after = stored;
          after.push_back(new_record(*(*key)->public_key(), KeyOrigin::standby,
                                     signs_from_after(stored), settings_, now));
          return difference(stored, after);
        },
        now, actor);
    if (!records) return std::unexpected(records.error().detail);
    private_keys_.add(std::move(*key));
    take_records(std::move(*records));
    return {};
  }

  /// Whether there is something new to plan with.
  bool publish_standby() {
    if (clock_.steady() < standby_not_before_) return false;
    standby_not_before_ = clock_.steady() + standby_retry;
    const auto failed = [this](const std::string& why) {
      if (episodes_.begins("standby")) {
        report(Kind::warning, {},
               "no standby key could be published, which is tried again each minute: " + why);
      }
      return false;
    };
    // What another process published, or a crash left behind, may be the standby already.
    if (!try_refresh()) return false;
    const auto plan = make_plan(clock_.now());
    if (plan.signing.empty() || !plan.needs_standby) return true;
    const auto lock = directory_.lock(lock_patience);
    if (!lock) return failed(lock.error().detail);
    if (const auto made = publish_new_key(*lock); !made) return failed(made.error());
    episodes_.ends("standby");
    standby_not_before_ = {};
    return true;
  }

  /// Storage anew, and the files of keys not seen yet. False where it must be tried again before
  /// anything is decided: storage is away, or a command is at work in the directory.
  bool try_refresh() {
    refresh_due_ = true;
    auto records = store_.load_keys();
    if (!storage_answers(records ? nullptr : &records.error())) return false;
    take_records(std::move(*records));
    const auto missing = private_keys_.missing(records_);
    if (!missing.empty() && !load_missing(missing)) return false;
    refresh_due_ = false;
    return true;
  }

  bool load_missing(const std::vector<std::string>& kids) {
    const auto lock = directory_.lock(lock_patience);
    if (!lock) {
      if (episodes_.begins("lock")) report(Kind::warning, {}, lock.error().detail);
      return !lock.error().busy;
    }
    episodes_.ends("lock");
    report_all(Kind::warning, recover(directory_, *lock, records_));
    for (const auto& kid : kids) {
      if (auto key = directory_.load_one(*lock, kid)) {
        private_keys_.add(std::move(*key));
        episodes_.ends(kid);
      } else if (episodes_.begins(kid)) {
        report(Kind::file_skipped, kid, key.error());
      }
    }
    return true;
  }

  RotationPlan make_plan(WallTime now) {
    auto plan =
        plan_rotation(records_, private_keys_.with_file(), private_keys_.all(), settings_, now);
    if (!plan.from_memory) {
      episodes_.ends("memory");
    } else if (episodes_.begins("memory")) {
      report(Kind::warning, plan.signing,
             "no key in " + directory_.path().string() +
                 " may sign now; this one signs on from memory, and is lost with this process");
    }
    return plan;
  }

  Written write(const RotationPlan& plan, WallTime now) {
    bool changed = false;
    auto records = store_.update_keys(
        [&](const Records& stored) -> std::expected<storage::KeyStore::Update, std::string> {
          changed = stored != records_;
          return changed ? storage::KeyStore::Update{} : plan.update;
        },
        floor_seconds(now), actor);
    if (!storage_answers(records ? nullptr : &records.error())) return Written::no;
    take_records(std::move(*records));
    if (changed) return try_refresh() ? Written::met_a_change : Written::no;
    report_all(Kind::warning, plan.warnings);
    return Written::yes;
  }

  void show(const std::string& signing, WallTime now) {
    auto next = effective(records_, signing, now);
    if (next == seen_) return;
    auto events = events_between(seen_, next, records_);
    key_set_.set(make_key_set(next, records_, private_keys_.find(next.signing), events));
    seen_ = std::move(next);
    for (const auto& event : events) {
      if (event.kind == Kind::removed) to_retired_.insert(event.kid);
      observer_(event);
    }
    private_keys_.drop_dead(records_, now);
  }

  void move_retired_files() {
    const auto lock = directory_.lock(std::chrono::milliseconds{0});
    if (!lock && lock.error().busy) return;
    for (const auto& kid : std::exchange(to_retired_, {})) {
      const auto moved =
          lock ? directory_.move_to_retired(*lock, kid)
               : std::expected<void, std::string>(std::unexpected(lock.error().detail));
      if (!moved)
        report(Kind::warning, kid, "its file was not moved to retired/: " + moved.error());
    }
  }

  KeyDirectory directory_;
  storage::KeyStore& store_;
  const Clock& clock_;
  Observer observer_;

  RotationSettings settings_;
  Records records_;  // as storage had them last
  PrivateKeys private_keys_;
  Effective seen_;  // what key_set_ shows
  Snapshot<KeySet> key_set_;

  Episodes episodes_;
  std::string storage_fault_;  // empty while it answers
  bool refresh_due_{false};
  SteadyTime standby_not_before_{};
  Kids to_retired_;  // removed keys whose files are still to be moved
};

KeyRing::KeyRing(std::filesystem::path directory, storage::KeyStore& store, const Clock& clock,
                 Observer observer)
    : impl_(std::make_unique<Impl>(std::move(directory), store, clock, std::move(observer))) {}

KeyRing::~KeyRing() = default;

std::expected<void, std::string> KeyRing::start(const RotationSettings& settings) {
  return impl_->start(settings);
}

std::expected<void, std::string> KeyRing::reload(const RotationSettings& settings) {
  return impl_->reload(settings);
}

void KeyRing::refresh() { impl_->refresh(); }

void KeyRing::tick() { impl_->tick(); }

const Snapshot<KeySet>& KeyRing::key_set() const { return impl_->key_set(); }

}  // namespace grantd::keys
