#include "server/service/storage_clock.h"

#include <algorithm>

namespace grantd::service {
namespace {

using std::chrono::nanoseconds;

std::int64_t nanoseconds_of(nanoseconds duration) { return duration.count(); }

}  // namespace

WallTime StorageClock::now() const {
  const auto offset = offset_.load();
  if (offset == unknown) return node_.now();
  const nanoseconds since_1970 = node_.steady().time_since_epoch() + nanoseconds(offset);
  return WallTime(std::chrono::floor<WallTime::duration>(since_1970));
}

storage::StoreResult<bool> StorageClock::ask(storage::PulseStore& storage) {
  const auto sent = node_.steady();
  const auto read = storage.clock();
  if (!read) return std::unexpected(read.error());
  if (!*read) return false;
  learn(**read, sent);
  return true;
}

void StorageClock::learn(WallTime database, SteadyTime sent) {
  const nanoseconds read = database.time_since_epoch();
  const auto least = nanoseconds_of(read - node_.steady().time_since_epoch());
  const auto most = nanoseconds_of(read - sent.time_since_epoch());
  const auto before = offset_.load();
  offset_ = before == unknown ? least + (most - least) / 2 : std::clamp(before, least, most);
}

std::optional<WallTime> StorageClock::now_within(nanoseconds tolerance) const {
  const auto node = node_.now();
  if (offset_.load() == unknown) return node;
  const auto database = now();
  if (std::chrono::abs(database - node) > tolerance) return std::nullopt;
  return database;
}

std::optional<nanoseconds> StorageClock::ahead() const {
  if (offset_.load() == unknown) return std::nullopt;
  return now() - node_.now();
}

}  // namespace grantd::service
