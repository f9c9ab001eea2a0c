/// The bits of the live Token Status Lists, in memory (draft-ietf-oauth-status-list).
///
/// A bit is one token, 1: revoked (the draft's INVALID); it never goes back. What a list knows of
/// itself (until when it lives, how long it is) comes from storage; revocations may come before
/// that. A list takes the memory up to its highest revoked index. Thread-safe, short locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"

namespace grantd::tokens {

class StatusLists {
 public:
  struct List {
    std::uint64_t id{0};
    sys_seconds expires_at{};  // when its last token has expired
    std::uint32_t capacity{0};
  };
  /// What is served of a list at one moment.
  struct Content {
    std::string octets{};  // capacity bits, the first one lowest in the first octet
    std::uint64_t version{0};
  };

  /// Makes a list known, before the first of its tokens is issued or where one is asked for.
  void know(const List& list);
  /// Sets the bit that the jti names. One without an entry of its own is passed over. `expires_at`:
  /// when the revocation may be forgotten.
  void revoke(std::string_view jti, sys_seconds expires_at);

  /// None: not known here.
  [[nodiscard]] std::optional<List> find(std::uint64_t id) const;
  /// Another one whenever the content may be; 0 where nothing is known of it.
  [[nodiscard]] std::uint64_t version(std::uint64_t id) const;
  [[nodiscard]] std::optional<Content> content(std::uint64_t id) const;

  /// Another database may have taken the place of the one that the lists are from: all of them are
  /// to be made known anew. Bits stay.
  void forget_lists();

  /// Forgets lists that are dead at `now`, with their bits.
  void sweep(sys_seconds now);

 private:
  struct Entry {
    std::optional<List> list{};  // none: only revocations of it have come yet
    sys_seconds revocations_until{};
    std::vector<std::uint8_t> bits{};
    std::uint64_t version{0};
  };

  mutable std::mutex mutex_;
  std::map<std::uint64_t, Entry> entries_;
};

}  // namespace grantd::tokens
