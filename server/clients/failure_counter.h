/// Failed authentications per (client id, peer address) in the current minute, in a bounded table
/// (RFC 6749 §2.3.1: protect against guessing).
///
/// Known and unknown ids count alike, so that a 429 tells nothing. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

#include "server/base/clock.h"

namespace grantd::clients {

class FailureCounter {
 public:
  static constexpr std::size_t default_entries = 65536;
  static constexpr std::chrono::seconds window{60};

  /// `seed`: random, so that nobody can choose ids that share an entry.
  explicit FailureCounter(std::uint64_t seed, std::size_t entries = default_entries);

  /// Counts one failure; how many there were in this window with it.
  [[nodiscard]] std::uint32_t count(std::string_view client_id, std::string_view peer,
                                    SteadyTime now);

 private:
  struct Entry {
    std::uint64_t key{0};
    SteadyTime window_began{};
    std::uint32_t failures{0};
  };
  static constexpr std::size_t ways = 8;  // entries that a key may stand in

  struct Free {
    void operator()(Entry* entries) const { std::free(entries); }
  };

  const std::uint64_t seed_;
  const std::size_t buckets_;
  std::mutex mutex_;
  /// From calloc, whose zeros are an Entry{}: of the 1.5 MB the kernel gives the pages in which a
  /// failure is counted, where a vector would touch them all at the start.
  const std::unique_ptr<Entry[], Free> entries_;
};

}  // namespace grantd::clients
