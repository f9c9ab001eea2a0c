#include "server/service/maintenance.h"

#include <exception>
#include <utility>

namespace grantd::service {

Maintenance::Maintenance(Dependencies dependencies)
    : with_(dependencies),
      sweeper_({with_.storage, with_.revocations, with_.status_lists, with_.policy, with_.freshness,
                with_.clock, [this] { return keys_wait(); }}) {}

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
  tend_keys(asked.keys);
  if (asked.wake) with_.feed.wake();
  with_.metrics.published_keys(static_cast<std::int64_t>(with_.keys.key_set().get()->size()));
  // What is not written or swept now is later; asking in vain would only say again what is known.
  if (!with_.freshness.answers()) return;
  const auto now = with_.clock.steady();
  if (now >= next_flush_) {
    flush_last_used(clients::LastUsed::Extent::due);
    next_flush_ = now + clients::LastUsed::flush_interval;
  }
  sweeper_.turn();
}

/// By a clock that is wrong nothing is due: keys would come and go before their time, and private
/// halves that are put away do not come back. What another process changed is in force nonetheless.
void Maintenance::tend_keys(bool changed) {
  if (changed) {
    with_.keys.refresh();
  } else if (with_.keys.is_behind() ||
             with_.clock.now_within(with_.policy.get()->clock_skew).has_value()) {
    with_.keys.tick();
  }
}

void Maintenance::flush_last_used(clients::LastUsed::Extent extent) {
  const auto now = floor_seconds(with_.clock.now());
  if (const auto written = with_.last_used.flush(with_.storage, now, extent); !written) {
    with_.log.event(observe::Level::warn, "last_used_not_written",
                    {{"detail", std::string_view(written.error().detail)}});
  }
}

bool Maintenance::keys_wait() {
  const std::lock_guard lock(mutex_);
  return asked_.keys;
}

}  // namespace grantd::service
