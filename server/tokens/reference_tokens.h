/// Opaque access tokens: handles, and the store of what they stand for.
///
/// `gdt_<43 base64url characters>`: 256 random bits behind a prefix that secret scanners find. Only
/// the SHA-256 digest of a handle is stored; there is no slow hash, because there is nothing to
/// guess. Thread-safe.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/blocking_pool.h"
#include "server/base/group_writer.h"
#include "server/base/random.h"
#include "server/oauth/error.h"
#include "storage/stores.h"

namespace grantd::tokens {

inline constexpr std::string_view handle_prefix = "gdt_";

[[nodiscard]] std::string generate_handle(Random& random);
[[nodiscard]] bool is_handle(std::string_view text);
[[nodiscard]] storage::Digest digest_of_handle(std::string_view handle);

class ReferenceTokens {
 public:
  /// Tokens that wait to be written; one more is refused.
  static constexpr std::size_t max_pending = 1024;
  /// Tokens in one transaction.
  static constexpr std::size_t max_group = 256;

  /// The references outlive the object.
  ReferenceTokens(storage::ReferenceTokenStore& store, BlockingPool& pool, Random& random);

  /// A new handle for these claims, which are JSON. On disk when it resumes: a handle that somebody
  /// holds is never one that a crash forgot. Tokens that are issued at the same time share one
  /// flush. Errors: temporarily_unavailable.
  boost::asio::awaitable<oauth::Result<std::string>> issue(std::string typ, std::string claims,
                                                           sys_seconds expires_at);

  /// What a handle stands for, expired or not; nothing where it is not known here. Reads the disk.
  /// Errors: temporarily_unavailable.
  boost::asio::awaitable<oauth::Result<std::optional<storage::ReferenceToken>>> find(
      std::string_view handle) const;

 private:
  storage::ReferenceTokenStore& store_;
  BlockingPool& pool_;
  Random& random_;
  GroupWriter<storage::ReferenceToken, storage::StoreResult<void>> writer_;
};

}  // namespace grantd::tokens
