#include "server/keys/operations.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "server/base/text.h"
#include "server/keys/publication.h"

namespace grantd::keys {
namespace {

using Kind = OperationError::Kind;
using storage::KeyOrigin;
using storage::KeyRecord;
using storage::StoreErrorCode;
using Update = storage::KeyStore::Update;

/// Generating a key under the lock takes a server less.
constexpr std::chrono::seconds lock_patience{30};

std::unexpected<OperationError> fail(Kind kind, std::string detail) {
  return std::unexpected(OperationError{kind, std::move(detail)});
}

/// A `decide` that refuses says of which kind in `kind`.
std::unexpected<OperationError> fail(const storage::StoreError& error, Kind refused) {
  const bool rule = error.code == StoreErrorCode::refused;
  if (error.code == StoreErrorCode::exists) {
    return fail(Kind::unavailable,
                "another process changed the keys at the same moment; try again");
  }
  return fail(rule ? refused : Kind::unavailable, (rule ? "" : "storage: ") + error.detail);
}

/// The private halves, and what storage knows: what every operation starts with.
struct Work {
  std::unique_ptr<KeyCustody::Session> session;
  Records records;
};

OperationResult<Work> begin(const KeyAccess& access) {
  auto records = access.store.load_keys();
  if (!records) return fail(records.error(), Kind::unavailable);
  // Where keys are known, a missing directory is a missing mount.
  if (records->empty()) {
    if (const auto made = access.custody.prepare(); !made) {
      return fail(Kind::unavailable, made.error());
    }
  }
  auto session = access.custody.open(lock_patience);
  if (!session) return fail(Kind::unavailable, session.error().detail);
  records = access.store.load_keys();
  if (!records) return fail(records.error(), Kind::unavailable);
  if (const auto failures = (*session)->recover(*records); !failures.empty()) {
    return fail(Kind::unavailable, failures.front());
  }
  return Work{std::move(*session), std::move(*records)};
}

/// Those that this process can open: an operator must not hand over to a key that perhaps nobody
/// can.
OperationResult<Kids> usable_kids(const Work& work, WallTime now) {
  const auto content = work.session->load(work.records, now);
  if (!content) return fail(Kind::unavailable, content.error().detail);
  Kids kids;
  for (const auto& key : content->keys) kids.insert(key->kid());
  return kids;
}

std::string known_already(const KeyRecord& known, const KeyCustody& custody, WallTime now) {
  const KeyState is = state(known, now);
  std::string text = "key " + known.kid + " is known already (" + std::string(name(is)) + ")";
  switch (is) {
    case KeyState::retired:
    case KeyState::removed:
      return text + "; a key that was retired is not brought back";
    case KeyState::pending:
    case KeyState::standby:
    case KeyState::signing:
      return custody.takes_back()
                 ? text
                 : text + "; where its file was lost, copy it into the key directory and reload";
  }
  std::unreachable();
}

/// Whether only the private half of a known key is to be put back.
bool is_put_back(const KeyAccess& access, const Work& work, const KeyRecord* known) {
  if (known == nullptr || !is_live(*known) || !access.custody.takes_back()) return false;
  const auto there = work.session->load_one(known->kid);
  return !there && there.error().kind != KeyCustody::Missing::Kind::away;
}

OperationResult<KeyRecord> publish_operators_key(KeyAccess& access, const jose::RsaPrivateKey& key,
                                                 WallTime now) {
  const auto work = begin(access);
  if (!work) return std::unexpected(work.error());
  const bool put_back = is_put_back(access, *work, find_record(work->records, key.kid()));
  const auto records = work->session->publish(
      key,
      [&](const Records& stored) -> std::expected<Update, std::string> {
        const auto* const known = find_record(stored, key.kid());
        if (known != nullptr && put_back && is_live(*known)) {
          return Update{{}, {{storage::ChangeKind::key_changed, key.kid()}}, {}, {}};
        }
        if (known != nullptr) return std::unexpected(known_already(*known, access.custody, now));
        Records after = stored;
        add_operators_key(after, key, access.settings, now);
        return difference(stored, after);
      },
      now, access.actor);
  if (!records) return fail(records.error(), Kind::not_in_this_state);
  return *find_record(*records, key.kid());
}

std::unexpected<OperationError> not_found(std::string_view kid) {
  return fail(Kind::not_found,
              "no key " + std::string(kid) + "; `grantd key list` shows those there are");
}

/// What a retirement makes of the stored keys, or why it cannot be.
std::expected<Records, std::string> retired(Records keys, std::string_view kid, const Kids& usable,
                                            const RotationSettings& settings, WallTime now) {
  const auto key = std::ranges::find(keys, kid, &KeyRecord::kid);
  const std::string named = "key " + std::string(kid);
  switch (state(*key, now)) {
    case KeyState::removed:
      return std::unexpected(named + " was removed already");
    case KeyState::retired:
      return std::unexpected(named + " is retired already, and stays published until " +
                             rfc3339(key->removed_at.value_or(*key->retires_at)));
    case KeyState::pending:
    case KeyState::standby:
      remove_key(*key, now);
      return keys;
    case KeyState::signing:
      break;
  }
  const KeyRecord* const successor = find_successor(keys, usable, now);
  if (successor == nullptr) {
    return std::unexpected(
        named +
        " signs, and no other key may sign yet; run `grantd key generate`, wait until its " +
        "signs_from has come (`grantd key list`) and try again; a leaked key goes at once with "
        "--now");
  }
  hand_over(keys, std::string(successor->kid), settings, now);
  return keys;
}

OperationResult<KeyRecord> put_away(const Work& work, const KeyRecord& key, const KeyAccess& access,
                                    WallTime now) {
  const auto failures = work.session->put_away({key.kid}, now, access.actor);
  if (failures.empty()) return key;
  return fail(Kind::unavailable, "key " + key.kid + " is retired, but " + failures.front().detail);
}

/// A leaked key goes; whichever key has to sign next does.
struct Replacement {
  Records keys{};
  std::string signing{};
  bool early{false};
};

Replacement replace_leaked(Records keys, std::string_view kid, const Kids& usable,
                           const RotationSettings& settings, WallTime now) {
  const auto key = std::ranges::find(keys, kid, &KeyRecord::kid);
  remove_key(*key, now);
  key->compromised = true;
  // Where another one signs, this is no moment to meddle with the schedule.
  const auto signing = std::ranges::find_if(keys, is_signing);
  if (signing != keys.end()) {
    std::string signing_kid = signing->kid;
    return {std::move(keys), std::move(signing_kid), false};
  }
  Kids others = usable;
  others.erase(std::string(kid));
  const auto plan = plan_rotation(keys, others, settings, now);
  return {with(std::move(keys), plan.update), plan.signing, plan.early};
}

std::string warning_of(const Replacement& result, bool generated, const KeyAccess& access,
                       std::string_view kid) {
  std::string warning;
  if (generated || result.early) {
    warning = "key " + result.signing +
              " signs at once, though verifiers may have cached the keys without it: until they "
              "fetch them again, which takes up to keys.jwks_max_age with some, they refuse its "
              "tokens";
  }
  if (access.settings.pinned == kid) {
    warning += (warning.empty() ? "" : "; ");
    warning +=
        "keys.signing_key still names the key that was retired: change it, or the next "
        "reload or start is refused";
  }
  return warning;
}

}  // namespace

OperationResult<KeyRecord> generate_key(KeyAccess& access, WallTime now) {
  const auto key = jose::RsaPrivateKey::generate();
  if (!key) return fail(Kind::unavailable, key.error());
  return publish_operators_key(access, **key, now);
}

OperationResult<KeyRecord> import_key(KeyAccess& access, std::string_view pem, WallTime now) {
  const auto key = jose::RsaPrivateKey::from_pem(pem);
  if (!key) return fail(Kind::bad_input, key.error());
  return publish_operators_key(access, **key, now);
}

OperationResult<KeyRecord> retire_key(KeyAccess& access, std::string_view kid, WallTime now) {
  const auto work = begin(access);
  if (!work) return std::unexpected(work.error());
  if (find_record(work->records, kid) == nullptr) return not_found(kid);
  if (access.settings.pinned == kid) {
    return fail(Kind::not_in_this_state, "keys.signing_key names key " + std::string(kid) +
                                             "; change it and reload before the key is retired");
  }
  const auto usable = usable_kids(*work, now);
  if (!usable) return std::unexpected(usable.error());

  const auto records = access.store.update_keys(
      [&](const Records& stored) -> std::expected<Update, std::string> {
        const auto after = retired(stored, kid, *usable, access.settings, now);
        if (!after) return std::unexpected(after.error());
        auto update = difference(stored, *after);
        access.custody.accompany(update, now);
        return update;
      },
      floor_seconds(now), access.actor);
  if (!records) return fail(records.error(), Kind::not_in_this_state);
  const KeyRecord& key = *find_record(*records, kid);
  return is_published(key, now) ? key : put_away(*work, key, access, now);
}

OperationResult<CompromisedResult> retire_key_now(KeyAccess& access, std::string_view kid,
                                                  WallTime now) {
  const auto work = begin(access);
  if (!work) return std::unexpected(work.error());
  const auto* const leaked = find_record(work->records, kid);
  if (leaked == nullptr) return not_found(kid);
  if (leaked->compromised) {
    return fail(Kind::not_in_this_state, "key " + std::string(kid) + " was removed already");
  }
  auto usable = usable_kids(*work, now);
  if (!usable) return std::unexpected(usable.error());

  Replacement result;
  PrivateKey made;
  bool needs_key = false;
  const auto replace = [&](const Records& stored) -> std::expected<Update, std::string> {
    Records keys = stored;
    if (made != nullptr) {
      keys.push_back(new_record(*made->public_key(), KeyOrigin::standby, SignsFrom::at_once,
                                access.settings, now));
      usable->insert(made->kid());
    }
    result = replace_leaked(std::move(keys), kid, *usable, access.settings, now);
    needs_key = result.signing.empty();
    if (needs_key) return std::unexpected("no other key can sign");
    auto update = difference(stored, result.keys);
    access.custody.accompany(update, now);
    return update;
  };
  auto records = access.store.update_keys(replace, floor_seconds(now), access.actor);
  if (!records && needs_key) {
    auto generated = jose::RsaPrivateKey::generate();
    if (!generated) return fail(Kind::unavailable, generated.error());
    made = std::move(*generated);
    records = work->session->publish(*made, replace, now, access.actor);
  }
  if (!records) return fail(records.error(), Kind::not_in_this_state);
  const KeyRecord& key = *find_record(*records, kid);
  if (const auto gone = put_away(*work, key, access, now); !gone) {
    return std::unexpected(gone.error());
  }
  return CompromisedResult{key, result.signing, warning_of(result, made != nullptr, access, kid)};
}

}  // namespace grantd::keys
