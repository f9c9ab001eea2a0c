/// Token exchange (RFC 8693): a service turns the token that it was called with into one for the
/// service that it calls, never wider and never longer than what it was given. Like introspection
/// it says that a token is not revoked, and so answers 503 where this node does not know.
#pragma once

#include <string>

#include "server/base/clock.h"
#include "server/base/freshness.h"
#include "server/base/snapshot.h"
#include "server/grants/grant.h"
#include "server/grants/policy.h"
#include "server/grants/subject_token.h"
#include "server/tokens/resolver.h"
#include "server/tokens/revocations.h"

namespace grantd::grants {

class TokenExchange final : public Grant {
 public:
  /// The references outlive the object. `issuer`: ours, byte for byte.
  TokenExchange(const Snapshot<Policy>& policy, const tokens::Resolver& resolver,
                const tokens::Revocations& revocations, std::string issuer,
                const tokens::Issuer& token_issuer, const Freshness& freshness, const Clock& clock)
      : policy_(policy),
        resolver_(resolver),
        revocations_(revocations),
        issuer_(std::move(issuer)),
        token_issuer_(token_issuer),
        freshness_(freshness),
        clock_(clock) {}

  [[nodiscard]] std::string_view grant_type() const override { return oauth::token_exchange_grant; }
  boost::asio::awaitable<oauth::Result<tokens::IssuedToken>> issue(
      const oauth::TokenRequest& request, const storage::ClientRecord& client,
      WallTime now) const override;

 private:
  [[nodiscard]] ExchangeContext context(const ResolvedToken& subject, const ResolvedToken* actor,
                                        const Policy& policy, const storage::ClientRecord& client,
                                        sys_seconds now) const;
  [[nodiscard]] static oauth::Result<tokens::TokenSpec> decide(const oauth::TokenRequest& request,
                                                               const ExchangeContext& with);

  const Snapshot<Policy>& policy_;
  const tokens::Resolver& resolver_;
  const tokens::Revocations& revocations_;
  const std::string issuer_;
  const tokens::Issuer& token_issuer_;
  const Freshness& freshness_;
  const Clock& clock_;
};

}  // namespace grantd::grants
