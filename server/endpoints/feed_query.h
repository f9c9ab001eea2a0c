/// What a reader of the revocation feed asks for: the query string of GET /revocations. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/oauth/error.h"

namespace grantd::endpoints {

struct FeedQuery {
  std::optional<std::int64_t> since{};  // the cursor; none: everything
  std::chrono::seconds wait{0};         // at most max_feed_query_wait

  /// `since` and `wait` in decimal digits, each once; other parameters are passed over. Errors:
  /// invalid_request, also where the query holds credentials, which belong into no URI.
  [[nodiscard]] static oauth::Result<FeedQuery> parse(std::string_view query);
};

/// What is longer is taken for this; `limits.feed_wait` cuts it further.
inline constexpr std::chrono::seconds max_feed_query_wait{24 * 60 * 60};

}  // namespace grantd::endpoints
