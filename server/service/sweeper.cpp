#include "server/service/sweeper.h"

#include <tuple>

namespace grantd::service {

void Sweeper::turn() {
  const auto now = with_.clock.now_within(with_.policy.get()->clock_skew);
  if (!now) return;
  const auto expired_at = floor_seconds(*now) - margin();
  if (const auto steady = with_.clock.steady(); steady >= next_) {
    next_ = steady + interval;
    references_left_ = true;
    sweep(expired_at);
  }
  if (references_left_) sweep_references(expired_at);
}

/// A database's clock may be ahead by clock_skew and is trusted nonetheless, and where the clocks
/// of a node and of the database are wrong together, that node cannot know.
std::chrono::seconds Sweeper::margin() const {
  if (!with_.freshness.is_shared()) return std::chrono::seconds::zero();
  return with_.policy.get()->clock_skew + keep_expired;
}

void Sweeper::sweep(sys_seconds now) {
  const auto skew = with_.policy.get()->clock_skew;
  with_.revocations.sweep(now);
  with_.status_lists.sweep(now - skew);
  // In small transactions: a long one would hold up revocations that wait to be acknowledged.
  for (std::size_t round = 0; round < rounds && !with_.urged(); ++round) {
    const auto swept = with_.storage.sweep_revocations(now, rows);
    if (!swept || *swept < rows) break;
  }
  // There are few: what is left over, or fails, goes with the next sweep.
  std::ignore = with_.storage.sweep_status_lists(now - skew, rows);
  for (std::size_t round = 0; round < rounds && !with_.urged(); ++round) {
    const auto swept = with_.storage.sweep_changes(now - keep_changes, rows);
    if (!swept || *swept < rows) break;
  }
}

void Sweeper::sweep_references(sys_seconds now) {
  // A share a turn: there may be as many as tokens were issued, and keys are to be looked after.
  const auto swept = with_.storage.sweep_reference_tokens(now, reference_rows);
  references_left_ = swept && *swept == reference_rows;
}

}  // namespace grantd::service
