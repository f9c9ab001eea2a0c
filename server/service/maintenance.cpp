#include "server/service/maintenance.h"

#include <exception>
#include <tuple>
#include <utility>

namespace grantd::service {

void Maintenance::request_reload() {
  {
    const std::lock_guard lock(mutex_);
    asked_.reload = true;
  }
  wake_.notify_one();
}

void Maintenance::keys_changed(bool then_wake) {
  {
    const std::lock_guard lock(mutex_);
    asked_.keys = true;
    asked_.wake |= then_wake;
  }
  wake_.notify_one();
}

void Maintenance::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto asked = wait(stop);
    // An exception here is broken machinery (no memory, say): logged, and tried again next turn.
    try {
      if (asked.reload) with_.reloader.reload();
      turn(asked);
    } catch (const std::exception& fault) {
      with_.log.event(observe::Level::error, "maintenance_failed",
                      {{"detail", std::string_view(fault.what())}});
    }
  }
  flush_last_used(clients::LastUsed::Extent::all);
}

Maintenance::Asked Maintenance::wait(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, stop, interval, [this] { return asked_.reload || asked_.keys; });
  return std::exchange(asked_, {});
}

void Maintenance::turn(const Asked& asked) {
  if (asked.keys) {
    with_.keys.refresh();
  } else {
    with_.keys.tick();
  }
  if (asked.wake) with_.feed.wake();
  with_.metrics.published_keys(static_cast<std::int64_t>(with_.keys.key_set().get()->size()));
  // What is not written or swept now is later; asking in vain would only say again what is known.
  if (!with_.freshness.answers()) return;
  const auto now = with_.clock.steady();
  if (now >= next_flush_) {
    flush_last_used(clients::LastUsed::Extent::due);
    next_flush_ = now + clients::LastUsed::flush_interval;
  }
  if (now >= next_sweep_) {
    sweep();
    next_sweep_ = now + sweep_interval;
    references_left_ = true;
  }
  if (references_left_) sweep_references();
}

void Maintenance::flush_last_used(clients::LastUsed::Extent extent) {
  const auto now = floor_seconds(with_.clock.now());
  if (const auto written = with_.last_used.flush(with_.storage, now, extent); !written) {
    with_.log.event(observe::Level::warn, "last_used_not_written",
                    {{"detail", std::string_view(written.error().detail)}});
  }
}

void Maintenance::sweep() {
  const auto now = floor_seconds(with_.clock.now());
  const auto skew = with_.policy.get()->clock_skew;
  with_.revocations.sweep(now);
  with_.status_lists.sweep(now - skew);
  // In small transactions: a long one would hold up revocations that wait to be acknowledged.
  for (std::size_t round = 0; round < sweep_rounds; ++round) {
    const auto swept = with_.storage.sweep_revocations(now, sweep_rows);
    if (!swept || *swept < sweep_rows) break;
  }
  // There are few: what is left over, or fails, goes with the next sweep.
  std::ignore = with_.storage.sweep_status_lists(now - skew, sweep_rows);
  for (std::size_t round = 0; round < sweep_rounds; ++round) {
    const auto swept = with_.storage.sweep_changes(now - keep_changes, sweep_rows);
    if (!swept || *swept < sweep_rows) break;
  }
}

void Maintenance::sweep_references() {
  // A share a turn: there may be as many as tokens were issued, and changes are to be followed.
  const auto now = floor_seconds(with_.clock.now());
  const auto swept = with_.storage.sweep_reference_tokens(now, reference_sweep_rows);
  references_left_ = swept && *swept == reference_sweep_rows;
}

}  // namespace grantd::service
