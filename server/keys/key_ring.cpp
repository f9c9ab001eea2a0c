#include "server/keys/key_ring.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "server/base/text.h"
#include "server/keys/custody.h"
#include "server/keys/effective.h"
#include "server/keys/pin.h"
#include "server/keys/private_keys.h"
#include "server/keys/publication.h"
#include "server/keys/reports.h"
#include "server/keys/ripeness.h"

namespace grantd::keys {
namespace {

using Kind = KeyEvent::Kind;
using Session = KeyCustody::Session;
using storage::KeyOrigin;
using storage::KeyRecord;
using storage::StoreError;
using storage::StoreErrorCode;
using Update = storage::KeyStore::Update;

constexpr std::string_view actor = "server";

/// How long the maintenance thread waits for a command that holds the directory's lock: revocations
/// are noticed by the same thread.
constexpr std::chrono::milliseconds lock_patience{500};
/// Between attempts to publish a standby key.
constexpr std::chrono::seconds standby_retry{60};
/// The same in a database that nodes share, whose failover is a matter of seconds.
constexpr std::chrono::seconds shared_standby_retry{5};
/// The same where another node was first, and yet none is there: each attempt generates a key.
constexpr std::chrono::seconds election_retry{1};
/// A plan that met another process's change is made anew; the next tick goes on where this ended.
constexpr int max_rounds = 4;

/// Another process changed the keys first: an ordinary event, upon which they are read anew.
bool lost_election(const StoreError& error) {
  return error.code == StoreErrorCode::refused || error.code == StoreErrorCode::exists;
}

}  // namespace

class KeyRing::Impl {
 public:
  Impl(KeyCustody& custody, storage::KeyStore& store, const Clock& clock, Observer observer)
      : custody_(custody),
        store_(store),
        clock_(clock),
        reports_(std::move(observer)),
        key_set_(std::make_shared<const KeySet>(
            nullptr, std::vector<std::shared_ptr<const jose::RsaPublicKey>>{})) {}

  std::expected<void, std::string> start(const RotationSettings& settings) {
    auto records = store_.load_keys();
    if (!records) return std::unexpected("storage: " + records.error().detail);
    if (records->empty()) {
      if (auto made = custody_.prepare(); !made) return made;
    }
    if (auto begun = begin(settings, std::move(*records)); !begun) return begun;
    tick();
    if (key_set_.get()->signing() != nullptr) return {};
    return std::unexpected(why_none_signs());
  }

  std::expected<void, std::string> reload(const RotationSettings& settings) {
    auto records = store_.load_keys();
    if (!records) return std::unexpected("storage: " + records.error().detail);
    auto renewal = custody_.renew();
    if (!renewal) return std::unexpected(std::move(renewal.error()));
    {
      auto session = custody_.open(lock_patience);
      auto content = session ? read_custody(**session, *records)
                             : std::expected<KeyCustody::Content, KeyCustody::Fault>(
                                   std::unexpected(session.error()));
      // A directory that is gone is like one without files: the last good set signs on.
      if (!content) {
        if (content.error().kind != KeyCustody::Fault::Kind::gone) {
          return std::unexpected(content.error().detail);
        }
        std::string detail = std::move(content.error().detail);
        content = KeyCustody::Content{};
        content->skipped.push_back({{}, std::move(detail)});
      }
      if (auto pin = check_pin(settings, *records, *content, custody_.words(), clock_.now());
          !pin) {
        return pin;
      }
      records = record_limits(store_, std::move(*records), settings, clock_.now(), actor);
      if (!records) return std::unexpected("storage: " + records.error().detail);
      renewal->keep();
      settings_ = settings;
      take_records(std::move(*records));
      if (const auto taken = take_content(std::move(*content)); !taken) {
        reports_.report(Kind::warning, {}, taken.error());
      }
    }
    standby_not_before_ = {};
    tick();
    return {};
  }

  void note_change() { ++changes_noted_; }
  [[nodiscard]] bool is_behind() const { return changes_shown_ != changes_noted_; }

  void tick() {
    const std::uint64_t noted = changes_noted_;
    refresh_due_ = refresh_due_ || noted != changes_shown_;
    const bool settled = !refresh_due_ || try_refresh();
    for (int round = 0; settled && round < max_rounds; ++round) {
      const WallTime now = clock_.now();
      const RotationPlan plan = make_plan(now);
      const Written written = plan.update.put.empty() ? Written::yes : write(plan, now);
      if (written == Written::met_a_change) continue;
      if (written == Written::no) break;
      planned_signing_ = plan.signing;
      show(now);
      // With no key left that can sign, a standby would be a new key made in silence.
      if (plan.signing.empty() || !plan.needs_standby || !publish_standby()) break;
    }
    // Also where nothing could be decided: a key leaves the JWKS when its time has come.
    show(clock_.now());
    if (!refresh_due_) changes_shown_ = noted;
    if (!to_put_away_.empty()) put_away();
  }

  [[nodiscard]] const Snapshot<KeySet>& key_set() const { return key_set_; }

 private:
  enum class Written { yes, no, met_a_change };

  std::expected<void, std::string> begin(const RotationSettings& settings, Records records) {
    auto session = custody_.open(lock_patience);
    if (!session) return std::unexpected(session.error().detail);
    auto content = read_custody(**session, records);
    if (!content) return std::unexpected(content.error().detail);
    if (auto pin = check_pin(settings, records, *content, custody_.words(), clock_.now()); !pin) {
      return pin;
    }
    settings_ = settings;
    seen_ = effective(records, {}, clock_.now());
    ripeness_.published(records, clock_.steady());
    take_records(std::move(records));
    if (auto taken = take_content(std::move(*content)); !taken) return taken;
    if (!records_.empty()) return {};
    const auto made = publish_new_key(**session);
    if (made || !lost_election(made.error())) {
      return made ? std::expected<void, std::string>{} : std::unexpected(made.error().detail);
    }
    session->reset();
    // Another node made the first key: this one takes it.
    return try_refresh() ? std::expected<void, std::string>{} : std::unexpected(why_none_signs());
  }

  [[nodiscard]] std::string why_none_signs() const {
    const std::string& fault = reports_.storage_fault();
    return fault.empty() ? custody_.words().none_usable : fault;
  }

  std::expected<KeyCustody::Content, KeyCustody::Fault> read_custody(Session& session,
                                                                     const Records& records) {
    reports_.report_all(Kind::warning, session.recover(records));
    return session.load(records, clock_.now());
  }

  void take_records(Records records) {
    records_ = std::move(records);
    private_keys_.drop_dead(records_, clock_.now());
  }

  /// Publishes what an operator placed by hand. Error: storage did not take it.
  std::expected<void, std::string> take_content(KeyCustody::Content content) {
    reports_.report_all(Kind::file_skipped, content.skipped);
    reports_.report_all(Kind::warning, content.warnings);
    to_put_away_.insert(content.left_behind.begin(), content.left_behind.end());
    std::vector<PrivateKey> brought;
    std::ranges::copy_if(content.keys, std::back_inserter(brought), [&](const auto& key) {
      return find_record(records_, key->kid()) == nullptr;
    });
    private_keys_.replace_kept(content);
    if (settings_.pinned && !private_keys_.kept().contains(*settings_.pinned)) {
      reports_.report(Kind::warning, *settings_.pinned,
                      "keys.signing_key names this key, but its private half cannot be used; "
                      "another one signs");
    }
    return brought.empty() ? std::expected<void, std::string>{} : publish_brought(brought);
  }

  std::expected<void, std::string> publish_brought(const std::vector<PrivateKey>& keys) {
    const WallTime now = clock_.now();
    auto records = store_.update_keys(
        [&](const Records& stored) -> std::expected<Update, std::string> {
          Records after = stored;
          for (const auto& key : keys) add_operators_key(after, *key, settings_, now);
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
  storage::StoreResult<void> publish_new_key(Session& session) {
    auto key = jose::RsaPrivateKey::generate();
    if (!key) return std::unexpected(StoreError{StoreErrorCode::unavailable, key.error()});
    const WallTime now = clock_.now();
    auto records = session.publish(
        **key,
        [&](const Records& stored) -> std::expected<Update, std::string> {
          if (stored != records_) return std::unexpected("another process changed the keys");
          Records after = stored;
          // Where nodes elect, one standby may wait: a lost one goes at once and not at the next
          // rotation.
          for (auto& each : after) {
            if (shared() && is_lost_standby(each, private_keys_.kept())) remove_key(each, now);
          }
          after.push_back(new_record(*(*key)->public_key(), KeyOrigin::standby,
                                     signs_from_after(stored), settings_, now));
          return difference(stored, after);
        },
        now, actor);
    if (!records) return std::unexpected(records.error());
    private_keys_.add(std::move(*key));
    take_records(std::move(*records));
    return {};
  }

  /// Whether there is something new to plan with.
  bool publish_standby() {
    if (clock_.steady() < standby_not_before_) return false;
    const auto retry = shared() ? shared_standby_retry : standby_retry;
    standby_not_before_ = clock_.steady() + retry;
    const auto failed = [this, retry](const std::string& why) {
      if (reports_.begins("standby")) {
        reports_.report(Kind::warning, {},
                        "no standby key could be published, which is tried again every " +
                            format_duration(retry) + ": " + why);
      }
      return false;
    };
    // What another process published, or a crash left behind, may be the standby already.
    if (!try_refresh()) return false;
    const auto plan = make_plan(clock_.now());
    if (plan.signing.empty() || !plan.needs_standby) return true;
    auto session = custody_.open(lock_patience);
    if (!session) return failed(session.error().detail);
    const auto made = publish_new_key(**session);
    session->reset();
    if (!made && lost_election(made.error())) {
      standby_not_before_ = clock_.steady() + election_retry;
      return try_refresh();
    }
    if (!made) return failed(made.error().detail);
    reports_.ends("standby");
    standby_not_before_ = {};
    return true;
  }

  /// Storage anew, and private halves not seen yet. False where it must be tried again before
  /// anything is decided: storage is away, or a command is at work in the directory.
  bool try_refresh() {
    refresh_due_ = true;
    auto records = store_.load_keys();
    if (!reports_.storage_answers(records ? nullptr : &records.error())) return false;
    take_records(std::move(*records));
    const auto missing = private_keys_.missing(records_);
    if (!missing.empty() && !load_missing(missing)) return false;
    refresh_due_ = false;
    return true;
  }

  bool load_missing(const std::vector<std::string>& kids) {
    const auto session = custody_.open(lock_patience);
    if (!session) {
      if (reports_.begins("lock")) reports_.report(Kind::warning, {}, session.error().detail);
      return session.error().kind == KeyCustody::Fault::Kind::gone;
    }
    reports_.ends("lock");
    reports_.report_all(Kind::warning, (*session)->recover(records_));
    return std::ranges::all_of(
        kids, [&](const std::string& kid) { return take_missing(kid, (*session)->load_one(kid)); });
  }

  /// False where that is to be tried again before anything is decided.
  bool take_missing(const std::string& kid, std::expected<PrivateKey, KeyCustody::Missing> key) {
    if (key) {
      private_keys_.add(std::move(*key));
      reports_.ends(kid);
      return true;
    }
    const auto& why = key.error();
    if (why.kind == KeyCustody::Missing::Kind::away) return false;
    if (why.kind == KeyCustody::Missing::Kind::closed) private_keys_.add_closed(kid);
    if (reports_.begins(kid)) reports_.report(Kind::file_skipped, kid, why.detail);
    return true;
  }

  [[nodiscard]] bool shared() const { return settings_.unheard > std::chrono::seconds::zero(); }

  RotationPlan make_plan(WallTime now) {
    const Barred barred{shared() ? ripeness_.unripe(records_, clock_.steady()) : Kids{},
                        private_keys_.closed()};
    auto plan =
        plan_rotation(records_, private_keys_.kept(), private_keys_.all(), settings_, now, barred);
    if (!plan.from_memory) {
      reports_.ends("memory");
    } else if (reports_.begins("memory")) {
      reports_.report(
          Kind::warning, plan.signing,
          "no key in " + custody_.words().place +
              " may sign now; this one signs on from memory, and is lost with this process");
    }
    return plan;
  }

  Written write(const RotationPlan& plan, WallTime now) {
    bool changed = false;
    auto records = store_.update_keys(
        [&](const Records& stored) -> std::expected<Update, std::string> {
          changed = stored != records_;
          if (changed) return Update{};
          Update update = plan.update;
          custody_.accompany(update, now);
          return update;
        },
        floor_seconds(now), actor);
    if (!records && lost_election(records.error())) {
      return try_refresh() ? Written::met_a_change : Written::no;
    }
    if (!reports_.storage_answers(records ? nullptr : &records.error())) return Written::no;
    take_records(std::move(*records));
    if (changed) return try_refresh() ? Written::met_a_change : Written::no;
    reports_.report_all(Kind::warning, plan.warnings);
    return Written::yes;
  }

  /// The key that signs here. Where this node cannot open that which is to sign, the one before
  /// signs on for as long as the schedule reckons with a node that has not heard of the change.
  [[nodiscard]] std::string signing_here(WallTime now) const {
    if (private_keys_.find(planned_signing_) != nullptr) return planned_signing_;
    const auto* const before = find_record(records_, seen_.signing);
    const bool goes_on = before != nullptr && private_keys_.find(before->kid) != nullptr &&
                         before->retires_at && now < *before->retires_at + settings_.unheard;
    return goes_on ? before->kid : std::string();
  }

  void show(WallTime now) {
    auto next = effective(records_, signing_here(now), now);
    if (next == seen_) return;
    auto events = events_between(seen_, next, records_);
    key_set_.set(make_key_set(next, records_, private_keys_.find(next.signing), events));
    ripeness_.published(records_, clock_.steady());
    seen_ = std::move(next);
    for (const auto& event : events) {
      if (event.kind == Kind::removed) to_put_away_.insert(event.kid);
      reports_.report(event);
    }
    private_keys_.drop_dead(records_, now);
  }

  void put_away() {
    auto session = custody_.open(std::chrono::milliseconds{0});
    if (!session && session.error().kind == KeyCustody::Fault::Kind::busy) return;
    const Kids kids = std::exchange(to_put_away_, {});
    if (session) {
      reports_.report_all(Kind::warning, (*session)->put_away(kids, clock_.now(), actor));
      return;
    }
    for (const auto& kid : kids) {
      reports_.report(Kind::warning, kid,
                      "its file was not moved to retired/: " + session.error().detail);
    }
  }

  KeyCustody& custody_;
  storage::KeyStore& store_;
  const Clock& clock_;
  Reports reports_;

  RotationSettings settings_;
  Records records_;  // as storage had them last
  PrivateKeys private_keys_;
  Ripeness ripeness_;
  std::string planned_signing_;  // what the last plan lets sign
  Effective seen_;               // what key_set_ shows
  Snapshot<KeySet> key_set_;

  bool refresh_due_{false};
  std::atomic<std::uint64_t> changes_noted_{0};
  std::atomic<std::uint64_t> changes_shown_{0};  // of those
  SteadyTime standby_not_before_{};
  Kids to_put_away_;  // removed keys whose private halves still lie where servers read them
};

KeyRing::KeyRing(KeyCustody& custody, storage::KeyStore& store, const Clock& clock,
                 Observer observer)
    : impl_(std::make_unique<Impl>(custody, store, clock, std::move(observer))) {}

KeyRing::~KeyRing() = default;

std::expected<void, std::string> KeyRing::start(const RotationSettings& settings) {
  return impl_->start(settings);
}

std::expected<void, std::string> KeyRing::reload(const RotationSettings& settings) {
  return impl_->reload(settings);
}

void KeyRing::refresh() {
  impl_->note_change();
  impl_->tick();
}

void KeyRing::note_change() { impl_->note_change(); }

bool KeyRing::is_behind() const { return impl_->is_behind(); }

void KeyRing::tick() { impl_->tick(); }

const Snapshot<KeySet>& KeyRing::key_set() const { return impl_->key_set(); }

}  // namespace grantd::keys
