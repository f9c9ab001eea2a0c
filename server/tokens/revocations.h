/// Live revocations in memory, compactly: looking one up touches no disk (RFC 7009, RFC 7662 §4).
///
/// A jti counts by its 32 random hex digits: 20 bytes an entry, in open addressing between three
/// fifths and three quarters full, so 27 to 34 MB a million. Thread-safe, short locks of one shard.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"
#include "server/tokens/claims.h"

namespace grantd::tokens {

class Revocations {
 public:
  /// Room for so many entries in all, made once: a start with a million of them would else build
  /// its tables two dozen times.
  void reserve(std::size_t entries);
  /// `jti` must satisfy is_jti; any other is passed over.
  void revoke(std::string_view jti, sys_seconds expires_at);
  /// Tokens of that client (of all where empty) with `iat` ≤ `at` are inactive, also those in which
  /// it is the subject or an actor; a later time stays.
  void set_not_before(std::string_view client_id, sys_seconds at, sys_seconds expires_at);

  /// By its own jti, by the first of its chain, or by a not-before time.
  [[nodiscard]] bool is_revoked(const Claims& claims) const;

  /// Forgets what has expired.
  void sweep(sys_seconds now);
  /// Live entries, by jti alone.
  [[nodiscard]] std::size_t size() const;

 private:
  using Id = std::array<std::uint32_t, 4>;
  struct Entry {
    // 16 octets of the jti, then seconds since the epoch (0: empty): packed, so that a million
    // live revocations stay below 40 MB.
    Id id{};
    std::uint32_t expires_at{0};
  };
  struct Shard {
    mutable std::mutex mutex;
    std::vector<Entry> entries;
    std::size_t used{0};
  };
  struct NotBefore {
    sys_seconds at{};
    sys_seconds expires_at{};
  };
  static constexpr std::size_t shards = 64;

  static bool insert(std::vector<Entry>& entries, const Entry& entry);
  [[nodiscard]] static std::optional<Id> id_of(std::string_view jti);
  [[nodiscard]] static std::size_t shard_of(const Id& id);
  [[nodiscard]] static std::size_t place_of(const Id& id, std::size_t capacity);
  [[nodiscard]] static const Entry* find(const std::vector<Entry>& entries, const Id& id);
  static void rebuild(Shard& shard, std::size_t capacity, std::uint32_t now);
  [[nodiscard]] bool contains(const Id& id) const;

  std::array<Shard, shards> shards_;
  mutable std::shared_mutex not_before_mutex_;
  std::map<std::string, NotBefore, std::less<>> not_before_;
};

}  // namespace grantd::tokens
