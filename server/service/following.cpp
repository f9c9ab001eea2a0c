#include "server/service/following.h"

#include <exception>

#include "server/base/text.h"

namespace grantd::service {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

std::int64_t in_ms(std::chrono::nanoseconds duration) {
  return duration_cast<milliseconds>(duration).count();
}

}  // namespace

void Following::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    // An exception here is broken machinery (no memory, say): logged, and tried again next turn.
    try {
      turn();
    } catch (const std::exception& fault) {
      with_.log.event(observe::Level::error, "following_failed",
                      {{"detail", std::string_view(fault.what())}});
    }
    std::unique_lock lock(mutex_);
    const auto pause = with_.keys_behind() ? pause_behind : storage::ChangeFollower::interval;
    wake_.wait_for(lock, stop, pause, [] { return false; });
  }
}

void Following::turn() {
  auto read = follow();
  if (read) read = ask();
  report(read);
  judge_clock();
  with_.metrics.live_revocations(static_cast<std::int64_t>(with_.revocations.size()));
}

storage::StoreResult<void> Following::follow() {
  const auto sent = with_.clock.steady();
  if (auto read = with_.follower.poll(); !read) return read;
  if (auto settled = with_.changes.settle(); !settled) return settled;
  with_.freshness.read(sent, !with_.keys_behind());
  with_.metrics.storage_read(floor_seconds(with_.clock.now()).time_since_epoch().count());
  return {};
}

/// The database's clock; where it has none, whether it answers, which an idle one does not say
/// otherwise.
storage::StoreResult<void> Following::ask() {
  const auto read = with_.clock.ask(with_.storage);
  if (!read) return std::unexpected(read.error());
  return *read ? storage::StoreResult<void>() : with_.storage.ping();
}

void Following::report(const storage::StoreResult<void>& read) {
  const bool answered = with_.freshness.answers();
  with_.freshness.set_answers(read.has_value());
  with_.metrics.storage_answers(read.has_value());
  if (read && !answered) back();
  if (!read && answered) lost(read.error());
  if (!read) say_when_grace_is_over();
}

void Following::lost(const storage::StoreError& error) {
  heard_at_ = with_.freshness.read_at();
  with_.metrics.storage_failed();
  const auto ends = with_.freshness.grace_ends();
  if (!ends) {
    with_.log.event(observe::Level::error, "storage_unavailable",
                    {{"detail", std::string_view(error.detail)}});
    return;
  }
  const auto until = with_.clock.now() + (*ends - with_.clock.steady());
  const auto text = rfc3339(floor_seconds(until));
  with_.log.event(
      observe::Level::error, "storage_unavailable",
      {{"detail", std::string_view(error.detail)}, {"issues_until", std::string_view(text)}});
  // Who waits here for news would wait in vain: other nodes may have them.
  with_.feed.wake();
}

void Following::back() {
  grace_over_ = false;
  with_.log.event(observe::Level::info, "storage_back",
                  {{"away_ms", in_ms(with_.clock.steady() - heard_at_)}});
}

void Following::say_when_grace_is_over() {
  const auto doubt = with_.freshness.doubts_issuing(with_.clock.steady());
  if (grace_over_ || doubt != Freshness::Doubt::grace_over) return;
  grace_over_ = true;
  with_.log.event(observe::Level::error, "storage_grace_over",
                  {{"detail", std::string_view("no tokens and no keys until storage is back")}});
}

void Following::judge_clock() {
  const auto ahead = with_.clock.ahead();
  if (!ahead) return;
  with_.metrics.storage_clock_ahead(*ahead);
  const bool off = std::chrono::abs(*ahead) > with_.policy.get()->clock_skew;
  with_.freshness.set_clock_trusted(!off);
  if (off == clock_off_) return;
  clock_off_ = off;
  if (!off) {
    with_.log.event(observe::Level::info, "clock_back", {{"ahead_ms", in_ms(*ahead)}});
    return;
  }
  with_.metrics.clock_went_off();
  with_.log.event(observe::Level::error, "clock_off",
                  {{"ahead_ms", in_ms(*ahead)},
                   {"detail", std::string_view("the database's clock is further ahead of this "
                                               "node's, or behind it, than tokens.clock_skew")}});
}

}  // namespace grantd::service
