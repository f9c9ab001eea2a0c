#include "server/service/changes.h"

#include <utility>

#include "storage/names.h"

namespace grantd::service {

using storage::ChangeKind;

storage::ChangeFollower::Subscriber Changes::subscriber() {
  return {[this](const storage::Change& change) { apply(change); },
          [this]() -> storage::StoreResult<void> {
            with_.clients.clear();
            keys_changed_ = true;
            feed_has_news_ = true;
            with_.status_indexes.drop();
            with_.status_lists.forget_lists();
            return load_revocations();
          }};
}

storage::StoreResult<void> Changes::load_not_before() {
  const auto not_before = with_.store.load_not_before(floor_seconds(with_.clock.now()));
  if (!not_before) return std::unexpected(not_before.error());
  for (const auto& entry : *not_before) {
    with_.revocations.set_not_before(entry.client_id, entry.at, entry.expires_at);
  }
  return {};
}

storage::StoreResult<void> Changes::load_revocations() {
  if (auto not_before = load_not_before(); !not_before) return not_before;
  return with_.store.load_revocations(
      floor_seconds(with_.clock.now()),
      [this](const storage::Revocation& revocation) { take_over(revocation); });
}

void Changes::settle() {
  if (not_before_behind_) not_before_behind_ = !load_not_before().has_value();
  if (revocations_behind_) revocations_behind_ = !load_revocations().has_value();
  if (keys_changed_) {
    keys_changed_ = false;
    with_.keys.refresh();
  }
  // Behind the keys: what the readers are told must not be signed with a key that has just leaked.
  if (std::exchange(feed_has_news_, false)) with_.feed.wake();
}

void Changes::apply(const storage::Change& change) {
  if (change.actor.starts_with("operator:")) {
    with_.log.event(observe::Level::info, "operator_change",
                    {{"kind", storage::name(change.kind)},
                     {"id", std::string_view(change.id)},
                     {"actor", std::string_view(change.actor)},
                     {"seq", change.seq}});
  }
  switch (change.kind) {
    case ChangeKind::client_created:
    case ChangeKind::client_updated:
    case ChangeKind::client_enabled:
      with_.clients.drop(change.id);
      return;
    case ChangeKind::client_disabled:
    case ChangeKind::client_deleted:
      with_.clients.drop(change.id);
      not_before_behind_ = true;
      feed_has_news_ = true;
      return;
    case ChangeKind::secret_added:
    case ChangeKind::secret_removed:
      with_.clients.drop(std::string_view(change.id).substr(0, change.id.rfind('/')));
      return;
    case ChangeKind::token_revoked:
      apply_revocation(change.id);
      feed_has_news_ = true;
      return;
    case ChangeKind::client_revoked:
    case ChangeKind::all_revoked:
      not_before_behind_ = true;
      feed_has_news_ = true;
      return;
    case ChangeKind::key_published:
    case ChangeKind::key_signing:
    case ChangeKind::key_retired:
    case ChangeKind::key_changed:
      keys_changed_ = true;
      return;
    case ChangeKind::key_compromised:
      keys_changed_ = true;
      feed_has_news_ = true;
      return;
  }
  std::unreachable();
}

void Changes::apply_revocation(const std::string& jti) {
  const auto found = with_.store.find_revocation(jti);
  if (!found) {
    revocations_behind_ = true;
  } else if (*found) {
    take_over(**found);
  }
}

void Changes::take_over(const storage::Revocation& revocation) {
  with_.revocations.revoke(revocation.jti, revocation.expires_at);
  with_.status_lists.revoke(revocation.jti, revocation.expires_at);
}

}  // namespace grantd::service
