/// What somebody presented as a token, made into verified claims: the one place that tells a JWT of
/// ours from a handle. Whether it was revoked is not looked at here. Thread-safe.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <expected>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/base/snapshot.h"
#include "server/keys/key_set.h"
#include "server/oauth/error.h"
#include "server/tokens/reference_tokens.h"
#include "server/tokens/verifier.h"

namespace grantd::tokens {

struct Unresolved {
  enum class Why {
    invalid,      // no live token of ours
    encrypted,    // for its reader alone; grantd has no key to open it
    unavailable,  // storage is away, or its queue full
  };
  Why why{Why::invalid};
  std::string reason{};  // a word in snake_case for the log
};

/// What a client is told of an Unresolved that is `unavailable`.
[[nodiscard]] oauth::Error unavailable_error(const Unresolved& unresolved);

class Resolver {
 public:
  /// `issuer`: ours, byte for byte. The references outlive the object.
  Resolver(std::string issuer, const Snapshot<keys::KeySet>& keys,
           const ReferenceTokens& references)
      : issuer_(std::move(issuer)), keys_(keys), references_(references) {}

  /// Does not suspend and touches no disk for a JWT; a handle is looked up on the blocking pool.
  /// `exp` is exact for both.
  boost::asio::awaitable<std::expected<VerifiedToken, Unresolved>> resolve(
      std::string_view token, sys_seconds now, Kind kind = Kind::access_token) const;

 private:
  const std::string issuer_;
  const Snapshot<keys::KeySet>& keys_;
  const ReferenceTokens& references_;
};

}  // namespace grantd::tokens
