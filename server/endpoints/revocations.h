/// GET /revocations, the revocation feed: what was revoked behind a reader's cursor, as a signed
/// document, at once or as soon as there is something (long poll). For registered resource servers,
/// by HTTP Basic. An extension of grantd's own; docs/operations.md says how a reader works.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/base/snapshot.h"
#include "server/base/wake_hub.h"
#include "server/endpoints/client_request.h"
#include "server/endpoints/feed_builder.h"
#include "server/endpoints/feed_query.h"

namespace grantd::endpoints {

class RevocationsEndpoint {
 public:
  struct Settings {
    std::chrono::milliseconds max_wait{30000};
    std::size_t max_waiting{1000};  // readers; above it they are answered at once
    std::size_t max_entries{10000};
  };
  struct Dependencies {
    clients::Authenticator& authenticator;
    FeedBuilder& builder;
    WakeHub& hub;  // woken where something may have been revoked
    const Clock& clock;
    observe::Metrics& metrics;
  };
  RevocationsEndpoint(Dependencies dependencies, Settings settings);

  boost::asio::awaitable<http::Response> handle(const http::Request& http);
  /// A reload; those who wait already do so by the former settings.
  void set(Settings settings);

 private:
  struct Answer {
    oauth::Result<FeedBuilder::DocumentPtr> document{FeedBuilder::DocumentPtr()};
    /// Why it did not wait though it was asked to; empty where it did.
    std::string_view hurried{};
  };
  boost::asio::awaitable<Answer> answer(FeedQuery query, SteadyTime read_at) const;
  boost::asio::awaitable<WakeHub::Woken> wait(std::uint64_t generation, SteadyTime until,
                                              std::size_t max_waiting) const;
  [[nodiscard]] http::Response response(const http::Request& http, const FeedDocument& document,
                                        std::string_view hurried, std::string client_id) const;

  Dependencies with_;
  Snapshot<Settings> settings_;
};

}  // namespace grantd::endpoints
