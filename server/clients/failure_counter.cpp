#include "server/clients/failure_counter.h"

#include <algorithm>
#include <functional>
#include <new>
#include <type_traits>

namespace grantd::clients {
namespace {

/// The finaliser of SplitMix64 (public domain, S. Vigna): spreads a combined hash over all bits.
std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30U;
  x *= 0xbf58476d1ce4e5b9U;
  x ^= x >> 27U;
  x *= 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

}  // namespace

FailureCounter::FailureCounter(std::uint64_t seed, std::size_t entries)
    : seed_(seed),
      buckets_(std::max(entries / ways, std::size_t{1})),
      entries_(static_cast<Entry*>(std::calloc(buckets_ * ways, sizeof(Entry)))) {
  static_assert(std::is_trivially_copyable_v<Entry> && std::is_aggregate_v<Entry>);
  if (!entries_) throw std::bad_alloc();
}

std::uint32_t FailureCounter::count(std::string_view client_id, std::string_view peer,
                                    SteadyTime now) {
  const std::hash<std::string_view> hash;
  const auto key = mix(mix(seed_ ^ hash(client_id)) ^ hash(peer));

  const std::lock_guard lock(mutex_);
  const std::span places(entries_.get() + (key % buckets_) * ways, ways);
  auto entry = std::ranges::find_if(
      places, [&](const Entry& e) { return e.key == key && now - e.window_began < window; });
  if (entry == places.end()) {
    // The oldest goes: under an attack with ever new ids its own entries push each other out.
    entry = std::ranges::min_element(places, {}, &Entry::window_began);
    *entry = Entry{key, now, 0};
  }
  return ++entry->failures;
}

}  // namespace grantd::clients
