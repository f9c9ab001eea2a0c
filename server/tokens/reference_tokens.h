/// Opaque access tokens: handles, and the store of what they stand for.
///
/// `gdt_<43 base64url characters>`: 256 random bits behind a prefix that secret scanners find. Only
/// the SHA-256 digest of a handle is stored; there is no slow hash, because there is nothing to
/// guess. Thread-safe.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/blocking_pool.h"
#include "server/base/group_commit.h"
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
  /// The references outlive the object, and nothing of it runs on `pool` when it goes.
  ReferenceTokens(storage::ReferenceTokenStore& store, BlockingPool& pool, Random& random)
      : store_(store), pool_(pool), random_(random) {}

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
  using Group = GroupCommit<storage::ReferenceToken, storage::StoreResult<void>>;
  [[nodiscard]] storage::StoreResult<void> settle(const Group::Ticket& ticket);

  storage::ReferenceTokenStore& store_;
  BlockingPool& pool_;
  Random& random_;
  Group group_;
};

}  // namespace grantd::tokens
