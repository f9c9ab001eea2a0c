// The query string of GET /revocations.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "server/endpoints/feed_query.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace grantd::endpoints;
  const auto query = FeedQuery::parse({reinterpret_cast<const char*>(data), size});
  if (!query) return 0;
  if (query->since && *query->since < 0) std::abort();
  if (query->wait.count() < 0 || query->wait > max_feed_query_wait) std::abort();
  return 0;
}
