#include "server/tokens/revocations.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace grantd::tokens {
namespace {

constexpr std::size_t smallest_capacity = 16;

std::array<std::uint32_t, 4> id_of(std::string_view jti) {
  std::array<std::uint32_t, 4> id{};
  for (std::size_t i = 0; i < id.size(); ++i) {
    const char* digits = jti.data() + i * 8;
    std::from_chars(digits, digits + 8, id[i], 16);
  }
  return id;
}

std::uint32_t compact(sys_seconds t) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(
      t.time_since_epoch().count(), 1, std::numeric_limits<std::uint32_t>::max()));
}

/// The id is random already: its first word chooses the place, its last the shard.
std::size_t place_of(const std::array<std::uint32_t, 4>& id, std::size_t capacity) {
  return id[0] & (capacity - 1);
}

}  // namespace

const Revocations::Entry* Revocations::find(const std::vector<Entry>& entries, const Entry& key) {
  if (entries.empty()) return nullptr;
  for (auto place = place_of(key.id, entries.size());; place = (place + 1) & (entries.size() - 1)) {
    const auto& entry = entries[place];
    if (entry.expires_at == 0) return nullptr;
    if (entry.id == key.id) return &entry;
  }
}

bool Revocations::insert(std::vector<Entry>& entries, const Entry& entry) {
  for (auto place = place_of(entry.id, entries.size());;
       place = (place + 1) & (entries.size() - 1)) {
    auto& there = entries[place];
    if (there.expires_at != 0 && there.id != entry.id) continue;
    const bool is_new = there.expires_at == 0;
    there.id = entry.id;
    there.expires_at = std::max(there.expires_at, entry.expires_at);
    return is_new;
  }
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

void Revocations::revoke(std::string_view jti, sys_seconds expires_at) {
  if (!is_jti(jti)) return;
  const Entry entry{id_of(jti), compact(expires_at)};
  auto& shard = shards_[entry.id[3] % shards];
  const std::lock_guard lock(shard.mutex);
  if ((shard.used + 1) * 3 > shard.entries.size() * 2) {
    rebuild(shard, std::max(shard.entries.size() * 2, smallest_capacity), 0);
  }
  if (insert(shard.entries, entry)) ++shard.used;
}

bool Revocations::contains(std::string_view jti) const {
  const Entry key{id_of(jti), 0};
  const auto& shard = shards_[key.id[3] % shards];
  const std::lock_guard lock(shard.mutex);
  return find(shard.entries, key) != nullptr;
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
  const auto is_live = [this](const std::string& jti) { return is_jti(jti) && !contains(jti); };
  return !is_live(claims.jti) || (!claims.root_jti.empty() && !is_live(claims.root_jti));
}

void Revocations::sweep(sys_seconds now) {
  const auto seconds = compact(now);
  for (auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    const auto live = static_cast<std::size_t>(std::ranges::count_if(
        shard.entries, [&](const Entry& entry) { return entry.expires_at > seconds; }));
    if (live == shard.used) continue;
    auto capacity = smallest_capacity;
    while ((live + 1) * 2 > capacity) capacity *= 2;
    rebuild(shard, capacity, seconds);
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
