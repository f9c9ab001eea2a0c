/// How a server hears of a change: it reads `seq > last` four times a second and hands each row to
/// whoever asked for it (architecture.md, "How nodes and commands hear of a change").
///
/// poll() is called by one thread; what it calls runs on that thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "storage/stores.h"

namespace grantd::storage {

class ChangeFollower {
 public:
  /// What is left empty is not called.
  struct Subscriber {
    std::function<void(const Change&)> on_change{};
    /// Everything may have changed: rows were swept before they were read, or the database was
    /// replaced. Errors leave the cursor where it is, and the next poll reloads again.
    std::function<StoreResult<void>()> on_gap{};
  };

  ChangeFollower(ChangeStore& store, std::int64_t last_seq) : store_(store), last_(last_seq) {}

  /// Before the first poll().
  void subscribe(Subscriber subscriber) { subscribers_.push_back(std::move(subscriber)); }

  /// Reads and hands on what is new. Errors: unavailable; the next poll goes on where this ended.
  [[nodiscard]] StoreResult<void> poll();

  [[nodiscard]] std::int64_t last_seq() const { return last_; }

  static constexpr std::chrono::milliseconds interval{250};
  static constexpr std::size_t max_rows_a_read = 1000;

 private:
  [[nodiscard]] StoreResult<void> reload();

  ChangeStore& store_;
  std::int64_t last_;
  bool behind_{false};  // a gap was seen and not yet reloaded: the store tells of one only once
  std::vector<Subscriber> subscribers_;
};

}  // namespace grantd::storage
