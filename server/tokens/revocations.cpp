#include "server/tokens/revocations.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace grantd::tokens {
namespace {

constexpr std::size_t smallest_capacity = 16;

/// The values of the lower-case hex digits.
constexpr std::array<std::uint8_t, 256> hex_digits = [] {
  std::array<std::uint8_t, 256> values{};
  for (std::uint8_t i = 0; i < 10; ++i) values[std::size_t{'0'} + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) values[std::size_t{'a'} + i] = std::uint8_t(10 + i);
  return values;
}();

/// Where `used` entries have room for some more.
std::size_t roomy(std::size_t used) { return std::max(used + used / 2, smallest_capacity); }

std::uint32_t compact(sys_seconds t) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(
      t.time_since_epoch().count(), 1, std::numeric_limits<std::uint32_t>::max()));
}

constexpr unsigned bits_a_word = 32;
constexpr unsigned bits_of_shard = 6;

}  // namespace

/// Empty where is_jti() does not hold.
std::optional<Revocations::Id> Revocations::id_of(std::string_view jti) {
  constexpr std::size_t digits_a_word = 8;
  if (!is_jti(jti)) return std::nullopt;
  Id id{};
  for (std::size_t i = 0; i < id.size() * digits_a_word; ++i) {
    auto& word = id[i / digits_a_word];
    word = word << 4U | hex_digits[static_cast<unsigned char>(jti[i])];
  }
  return id;
}

/// The id is random already: its first bits choose the shard, the next ones the place, so that what
/// is read in the order of the jtis fills one table after the other from its begin to its end.
std::size_t Revocations::shard_of(const Id& id) {
  static_assert(shards == std::size_t{1} << bits_of_shard);
  return id[0] >> (bits_a_word - bits_of_shard);
}

std::size_t Revocations::place_of(const Id& id, std::size_t capacity) {
  const std::uint32_t rest = id[0] << bits_of_shard | id[1] >> (bits_a_word - bits_of_shard);
  return static_cast<std::size_t>(std::uint64_t{rest} * capacity >> bits_a_word);
}

const Revocations::Entry* Revocations::find(const std::vector<Entry>& entries, const Id& id) {
  if (entries.empty()) return nullptr;
  for (auto place = place_of(id, entries.size());;) {
    const auto& entry = entries[place];
    if (entry.expires_at == 0) return nullptr;
    if (entry.id == id) return &entry;
    if (++place == entries.size()) place = 0;
  }
}

bool Revocations::insert(std::vector<Entry>& entries, const Entry& entry) {
  auto place = place_of(entry.id, entries.size());
  while (entries[place].expires_at != 0 && entries[place].id != entry.id) {
    if (++place == entries.size()) place = 0;
  }
  auto& there = entries[place];
  const bool is_new = there.expires_at == 0;
  there.id = entry.id;
  there.expires_at = std::max(there.expires_at, entry.expires_at);
  return is_new;
}

void Revocations::rebuild(Shard& shard, std::size_t capacity, std::uint32_t now) {
  std::vector<Entry> entries(capacity);
  std::size_t used = 0;
  for (const auto& entry : shard.entries) {
    if (entry.expires_at > now && insert(entries, entry)) ++used;
  }
  shard.entries.swap(entries);
  shard.used = used;
}

void Revocations::reserve(std::size_t entries) {
  if (entries == 0) return;
  // No shard gets exactly its share: four deviations more, and next to none ever grows.
  const auto share = entries / shards;
  const auto expected = share + static_cast<std::size_t>(4 * std::sqrt(static_cast<double>(share)));
  for (auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    if (roomy(expected) > shard.entries.size()) rebuild(shard, roomy(expected), 0);
  }
}

void Revocations::revoke(std::string_view jti, sys_seconds expires_at) {
  const auto id = id_of(jti);
  if (!id) return;
  const Entry entry{*id, compact(expires_at)};
  auto& shard = shards_[shard_of(*id)];
  const std::lock_guard lock(shard.mutex);
  if ((shard.used + 1) * 4 > shard.entries.size() * 3) {
    rebuild(shard, std::max(shard.entries.size() / 4 * 5, smallest_capacity), 0);
  }
  if (insert(shard.entries, entry)) ++shard.used;
}

bool Revocations::contains(const Id& id) const {
  const auto& shard = shards_[shard_of(id)];
  const std::lock_guard lock(shard.mutex);
  return find(shard.entries, id) != nullptr;
}

void Revocations::set_not_before(std::string_view client_id, sys_seconds at,
                                 sys_seconds expires_at) {
  const std::unique_lock lock(not_before_mutex_);
  auto& entry = not_before_[std::string(client_id)];
  entry.at = std::max(entry.at, at);
  entry.expires_at = std::max(entry.expires_at, expires_at);
}

bool Revocations::is_revoked(const Claims& claims) const {
  auto principals = principals_of(claims);
  principals.emplace_back();  // all
  {
    const std::shared_lock lock(not_before_mutex_);
    for (const auto& whose : principals) {
      const auto found = not_before_.find(whose);
      if (found != not_before_.end() && claims.issued_at <= found->second.at) return true;
    }
  }
  // What is none of our jtis cannot be looked up: whoever calls has verified it, so this is a token
  // of a version that we do not know. Inactive is the safe answer.
  const auto is_live = [this](const std::string& jti) {
    const auto id = id_of(jti);
    return id && !contains(*id);
  };
  return !is_live(claims.jti) || (!claims.root_jti.empty() && !is_live(claims.root_jti));
}

void Revocations::sweep(sys_seconds now) {
  const auto seconds = compact(now);
  for (auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    const auto live = static_cast<std::size_t>(std::ranges::count_if(
        shard.entries, [&](const Entry& entry) { return entry.expires_at > seconds; }));
    if (live == shard.used) continue;
    rebuild(shard, roomy(live), seconds);
  }
  const std::unique_lock lock(not_before_mutex_);
  std::erase_if(not_before_, [&](const auto& entry) { return entry.second.expires_at <= now; });
}

std::size_t Revocations::size() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.used;
  }
  return sum;
}

}  // namespace grantd::tokens
