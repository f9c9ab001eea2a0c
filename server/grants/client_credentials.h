/// The client credentials grant (RFC 6749 §4.4): a token for the client itself.
#pragma once

#include "server/base/snapshot.h"
#include "server/grants/grant.h"
#include "server/grants/policy.h"

namespace grantd::grants {

class ClientCredentials final : public Grant {
 public:
  ClientCredentials(const Snapshot<Policy>& policy, const tokens::Issuer& issuer)
      : policy_(policy), issuer_(issuer) {}

  [[nodiscard]] std::string_view grant_type() const override { return "client_credentials"; }
  boost::asio::awaitable<oauth::Result<tokens::IssuedToken>> issue(
      const oauth::TokenRequest& request, const storage::ClientRecord& client,
      WallTime now) const override;

 private:
  const Snapshot<Policy>& policy_;
  const tokens::Issuer& issuer_;
};

}  // namespace grantd::grants
