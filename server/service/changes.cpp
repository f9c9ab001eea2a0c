#include "server/service/changes.h"

#include <utility>

#include "storage/names.h"

namespace grantd::service {

using storage::ChangeKind;

namespace {

/// What has expired is taken over, too: the clock may be wrong, and only the sweep forgets.
constexpr sys_seconds of_any_age{};

}  // namespace

storage::ChangeFollower::Subscriber Changes::subscriber() {
  return {[this](const storage::Change& change) { apply(change); },
          [this]() -> storage::StoreResult<void> {
            with_.clients.clear();
            keys_changed_ = true;
            key_compromised_ = true;  // one may be among what was missed
            feed_has_news_ = true;
            unread_.reset();
            with_.status_indexes.drop();
            with_.status_lists.forget_lists();
            return load_revocations();
          }};
}

storage::StoreResult<void> Changes::load_revocations() {
  const auto not_before = with_.store.load_not_before(of_any_age);
  if (!not_before) return std::unexpected(not_before.error());
  for (const auto& entry : *not_before) take_over(entry);
  const auto count = with_.store.count_revocations();
  if (!count) return std::unexpected(count.error());
  with_.revocations.reserve(*count);
  return with_.store.load_revocations(
      of_any_age, [this](const storage::Revocation& revocation) { take_over(revocation); });
}

storage::StoreResult<void> Changes::settle() {
  auto read = read_revocations();
  const bool compromised = std::exchange(key_compromised_, false);
  if (std::exchange(keys_changed_, false)) with_.keys_changed(compromised);
  // Where a key has leaked, behind the keys: what the readers are told must not be signed with it.
  if (std::exchange(feed_has_news_, false) && !compromised) with_.feed.wake();
  return read;
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
      return;  // ids that do not exist are never cached, and what was deleted went with that row
    case ChangeKind::client_updated:
    case ChangeKind::client_enabled:
      with_.clients.drop(change.id);
      return;
    case ChangeKind::client_disabled:
    case ChangeKind::client_deleted:
      with_.clients.drop(change.id);
      revoked_at(change.seq);
      return;
    case ChangeKind::secret_added:
    case ChangeKind::secret_removed:
      with_.clients.drop(std::string_view(change.id).substr(0, change.id.rfind('/')));
      return;
    case ChangeKind::token_revoked:
    case ChangeKind::client_revoked:
    case ChangeKind::all_revoked:
      revoked_at(change.seq);
      return;
    case ChangeKind::key_published:
    case ChangeKind::key_signing:
    case ChangeKind::key_retired:
    case ChangeKind::key_changed:
      keys_changed_ = true;
      return;
    case ChangeKind::key_compromised:
      keys_changed_ = true;
      key_compromised_ = true;
      feed_has_news_ = true;
      return;
  }
  std::unreachable();
}

void Changes::revoked_at(std::int64_t seq) {
  feed_has_news_ = true;
  if (!unread_) unread_ = seq - 1;
}

/// All of them at once: row by row, a burst would take a round trip each, and the node would fall
/// behind by more than it may.
storage::StoreResult<void> Changes::read_revocations() {
  while (unread_) {
    const auto news = with_.news.revocation_news(unread_, of_any_age, batch);
    if (!news) return std::unexpected(news.error());
    for (const auto& entry : news->not_before) take_over(entry);
    for (const auto& revocation : news->revocations) take_over(revocation);
    unread_ = news->more ? std::optional(news->seq) : std::nullopt;
  }
  return {};
}

void Changes::take_over(const storage::Revocation& revocation) {
  with_.revocations.revoke(revocation.jti, revocation.expires_at);
  with_.status_lists.revoke(revocation.jti, revocation.expires_at);
}

void Changes::take_over(const storage::NotBefore& not_before) {
  with_.revocations.set_not_before(not_before.client_id, not_before.at, not_before.expires_at);
}

}  // namespace grantd::service
