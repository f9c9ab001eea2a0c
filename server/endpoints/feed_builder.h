/// Reads and signs the revocation feed's documents on the blocking pool, each once for all readers
/// that ask for the same at the same time: a flood of readers costs one reading and one signature.
///
/// Thread-safe.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/blocking_pool.h"
#include "server/base/clock.h"
#include "server/base/snapshot.h"
#include "server/base/wake_hub.h"
#include "server/endpoints/feed_document.h"
#include "server/keys/key_set.h"
#include "server/oauth/error.h"
#include "storage/stores.h"

namespace grantd::endpoints {

class FeedBuilder {
 public:
  /// How long a document is handed out: an unchanged one is signed anew at most once a second.
  static constexpr std::chrono::milliseconds share_for{1000};
  /// Documents kept, or under way, that others may share; beyond, the oldest is forgotten.
  static constexpr std::size_t max_shared = 16;
  /// How long a reader waits for a document that another one is having built.
  static constexpr std::chrono::seconds patience{15};

  struct Dependencies {
    std::string issuer;
    const Snapshot<keys::KeySet>& keys;
    storage::RevocationFeedStore& store;
    BlockingPool& pool;
    const Clock& clock;
  };
  explicit FeedBuilder(Dependencies dependencies) : with_(std::move(dependencies)) {}

  using DocumentPtr = std::shared_ptr<const FeedDocument>;

  /// What lies behind `since` (everything where there is none), read when the hub's generation was
  /// `generation` or later. Errors: temporarily_unavailable, server_error.
  boost::asio::awaitable<oauth::Result<DocumentPtr>> document(std::optional<std::int64_t> since,
                                                              std::uint64_t generation,
                                                              std::size_t max_entries);

  /// Whether a document of this very generation has shown that nothing lies behind `since`: there
  /// is no point in reading before the hub's next wake.
  [[nodiscard]] bool knows_no_news(std::int64_t since, std::uint64_t generation) const;

 private:
  struct Shared {
    std::optional<std::int64_t> since{};
    std::uint64_t generation{0};
    SteadyTime begun{};
    std::optional<oauth::Result<DocumentPtr>> result{};  // guarded by the builder's mutex
    WakeHub done{};                                      // woken once, with the result
  };
  using SharedPtr = std::shared_ptr<Shared>;

  [[nodiscard]] SharedPtr find(std::optional<std::int64_t> since, std::uint64_t generation) const;
  [[nodiscard]] SharedPtr join(std::optional<std::int64_t> since, std::uint64_t generation,
                               bool& leads);
  boost::asio::awaitable<void> lead(SharedPtr shared, std::size_t max_entries);
  void settle(Shared& shared, oauth::Result<DocumentPtr> result);
  [[nodiscard]] oauth::Result<DocumentPtr> result_of(const Shared& shared) const;
  [[nodiscard]] std::function<oauth::Result<DocumentPtr>()> building(
      std::optional<std::int64_t> since, std::size_t max_entries) const;
  [[nodiscard]] oauth::Result<DocumentPtr> build(std::optional<std::int64_t> since,
                                                 std::size_t max_entries) const;

  Dependencies with_;
  mutable std::mutex mutex_;
  std::vector<SharedPtr> shared_;                                  // by `begun`
  std::optional<std::pair<std::uint64_t, std::int64_t>> no_news_;  // generation, and behind what
};

}  // namespace grantd::endpoints
