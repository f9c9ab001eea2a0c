/// Many callers' items, written together: what comes while one group waits for the disk shares the
/// next one, so that a flush is paid for once by all of them.
///
/// Thread-safe. settle() blocks: never call it from an event loop.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace grantd {

/// `Outcome` is copied to everybody in the group.
template <typename Item, typename Outcome>
class GroupCommit {
  struct Entry {
    Item item{};
    std::optional<Outcome> outcome{};
  };

 public:
  using Ticket = std::shared_ptr<Entry>;

  /// Does not wait. From now on whoever settles takes the item along.
  [[nodiscard]] Ticket add(Item item) {
    auto ticket = std::make_shared<Entry>(Entry{std::move(item), std::nullopt});
    const std::lock_guard lock(mutex_);
    waiting_.push_back(ticket);
    return ticket;
  }

  /// For who will not settle after all. An item that a group has taken already is written.
  void withdraw(const Ticket& ticket) {
    const std::lock_guard lock(mutex_);
    std::erase(waiting_, ticket);
  }

  /// Returns when the item was committed: by this thread, which then commits all that wait, or by
  /// another one. `commit` takes std::vector<Item>; what it throws reaches the one who called it,
  /// and the others of that group get `interrupted`.
  template <typename Commit>
  Outcome settle(const Ticket& ticket, const Commit& commit, const Outcome& interrupted) {
    std::unique_lock lock(mutex_);
    // Not a mutex to queue at: who has just been served would take it again before all the others
    // of its group have learnt that they are served too, and then commit alone.
    settled_.wait(lock, [&] { return ticket->outcome || !committing_; });
    if (ticket->outcome) return *ticket->outcome;

    std::vector<Ticket> group;
    group.swap(waiting_);
    committing_ = true;
    lock.unlock();
    Outcome outcome = interrupted;
    std::exception_ptr thrown;
    try {
      outcome = commit(items_of(group));
    } catch (...) {
      thrown = std::current_exception();
    }
    lock.lock();
    for (const auto& each : group) each->outcome = outcome;
    committing_ = false;
    lock.unlock();
    settled_.notify_all();
    if (thrown) std::rethrow_exception(thrown);
    return outcome;
  }

 private:
  static std::vector<Item> items_of(const std::vector<Ticket>& group) {
    std::vector<Item> items;
    items.reserve(group.size());
    for (const auto& each : group) items.push_back(std::move(each->item));
    return items;
  }

  std::mutex mutex_;
  std::condition_variable settled_;
  std::vector<Ticket> waiting_;
  bool committing_{false};  // one thread commits its group; the next group gathers
};

}  // namespace grantd
