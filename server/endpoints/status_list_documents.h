/// Status lists as they are served: rendered on the blocking pool, at most once a change, kept
/// until they are due again, shared by all who ask meanwhile.
///
/// A document is due again when a bit was set (but no sooner than `least_age` after it was made, so
/// that a flood of revocations is not a flood of renderings), when its validity runs low, when
/// `ttl` was changed by a reload, or when its key is not published any more. Thread-safe.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "server/base/blocking_pool.h"
#include "server/base/clock.h"
#include "server/base/snapshot.h"
#include "server/base/wake_hub.h"
#include "server/keys/key_set.h"
#include "server/keys/signer.h"
#include "server/oauth/error.h"
#include "server/tokens/status_lists.h"

namespace grantd::endpoints {

class StatusListDocuments {
 public:
  static constexpr std::chrono::milliseconds least_age{250};
  /// `exp` is this many ttl away at first, and at least one when the document is served: who keeps
  /// it for `ttl`, behind a proxy that kept it as long, never holds an expired one.
  static constexpr int validity_in_ttls = 6;
  /// How long a request waits for the rendering that it shares.
  static constexpr std::chrono::seconds longest_wait{5};
  /// Requests that share one rendering; any more are told to come again.
  static constexpr std::size_t max_waiting = 10'000;

  /// One rendering. Immutable.
  struct Document {
    std::shared_ptr<const std::string> plain{};  // a compact JWS
    std::shared_ptr<const std::string> gzip{};   // the same under Content-Encoding
    std::string tag{};                           // of its content, without quotes
    std::chrono::seconds ttl{0};
    std::uint64_t version{0};
    std::string kid{};
    sys_seconds issued_at{};
    SteadyTime made_at{};
  };
  using DocumentPtr = std::shared_ptr<const Document>;

  struct Dependencies {
    std::string issuer;
    const tokens::StatusLists& lists;
    const Snapshot<keys::KeySet>& keys;
    keys::Signer& signer;
    BlockingPool& pool;
    const Clock& clock;
  };
  /// The references outlive the object; the pool is joined before it and the event loops go.
  StatusListDocuments(Dependencies dependencies, std::chrono::seconds ttl)
      : with_(std::move(dependencies)), ttl_(ttl) {}

  /// Of a list that `lists` knows. Suspends only where it must be rendered. Call it on an event
  /// loop. Errors: temporarily_unavailable, server_error.
  boost::asio::awaitable<oauth::Result<DocumentPtr>> get(std::uint64_t id);

  [[nodiscard]] std::chrono::seconds ttl() const { return ttl_.load(); }
  /// A reload.
  void set_ttl(std::chrono::seconds ttl) { ttl_ = ttl; }

 private:
  /// One rendering under way, and those who wait for it.
  struct Rendering {
    WakeHub done{};
    std::optional<oauth::Result<DocumentPtr>> outcome{};
  };
  using RenderingPtr = std::shared_ptr<Rendering>;
  struct Slot {
    DocumentPtr document{};
    RenderingPtr rendering{};
  };
  struct Found {
    DocumentPtr document{};    // fit to be served
    RenderingPtr rendering{};  // else what is to be waited for; null: none can be begun now
    std::uint64_t seen{0};
  };

  [[nodiscard]] Found look_up(std::uint64_t id);
  [[nodiscard]] Slot& slot_of(std::uint64_t id);
  [[nodiscard]] bool is_fit(const Document& document, std::uint64_t id) const;
  [[nodiscard]] RenderingPtr begin(std::uint64_t id);
  [[nodiscard]] oauth::Result<DocumentPtr> outcome_of(const Rendering& rendering);
  boost::asio::awaitable<void> render(std::uint64_t id, RenderingPtr rendering);
  boost::asio::awaitable<oauth::Result<DocumentPtr>> make(std::uint64_t id) const;

  const Dependencies with_;
  std::atomic<std::chrono::seconds> ttl_;
  std::mutex mutex_;
  std::map<std::uint64_t, Slot> slots_;
};

}  // namespace grantd::endpoints
