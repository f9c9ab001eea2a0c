#include "storage/change_follower.h"

namespace grantd::storage {

StoreResult<void> ChangeFollower::poll() {
  while (!behind_) {
    const auto page = store_.changes_after(last_, max_rows_a_read);
    if (!page) return std::unexpected(page.error());
    if (page->gap) {
      behind_ = true;
      break;
    }
    for (const Change& change : page->changes) {
      for (const Subscriber& subscriber : subscribers_) {
        if (subscriber.on_change) subscriber.on_change(change);
      }
      last_ = change.seq;
    }
    if (page->changes.size() < max_rows_a_read) return {};
  }
  return reload();
}

StoreResult<void> ChangeFollower::reload() {
  // Read before what is reloaded: a change that comes meanwhile is then handed on once more rather
  // than lost.
  const auto newest = store_.newest_change();
  if (!newest) return std::unexpected(newest.error());
  for (const Subscriber& subscriber : subscribers_) {
    if (!subscriber.on_gap) continue;
    if (auto reloaded = subscriber.on_gap(); !reloaded) return reloaded;
  }
  last_ = *newest;
  behind_ = false;
  return {};
}

}  // namespace grantd::storage
