/// An answer of the revocation feed: a signed document (JWS, typ `revocations+jwt`), made once for
/// all readers that ask from the same cursor.
///
/// An extension of grantd's own; docs/operations.md says how a reader works. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "storage/stores.h"

namespace grantd::endpoints {

inline constexpr std::string_view feed_document_typ = "revocations+jwt";

struct FeedDocument {
  std::int64_t seq{0};  // the reader's next cursor
  /// Whether it tells anything that the reader does not know.
  bool news{false};
  bool full{false};
  bool more{false};
  std::shared_ptr<const std::string> jws{};
  std::shared_ptr<const std::string> gzip{};  // the same, compressed; null where it is small
};

[[nodiscard]] bool is_news(const storage::RevocationFeedStore::News& news);

/// The payload. `iat` is `read_at`: when what it tells was true. Built as text: a JSON tree of
/// 10,000 entries costs ten times as much.
[[nodiscard]] std::string feed_claims(std::string_view issuer, std::int64_t since,
                                      const storage::RevocationFeedStore::News& news,
                                      sys_seconds read_at);

}  // namespace grantd::endpoints
