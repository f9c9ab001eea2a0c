/// POST /token, the token endpoint (RFC 6749 §3.2, §5).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <vector>

#include "server/base/clock.h"
#include "server/base/freshness.h"
#include "server/endpoints/client_request.h"
#include "server/grants/grant.h"
#include "server/grants/policy.h"

namespace grantd::endpoints {

class TokenEndpoint {
 public:
  /// The references outlive the object.
  TokenEndpoint(clients::Authenticator& authenticator, std::vector<const grants::Grant*> grants,
                const Snapshot<grants::Policy>& policy, const Freshness& freshness,
                const Clock& clock, observe::Metrics& metrics);

  boost::asio::awaitable<http::Response> handle(const http::Request& http) const;

 private:
  boost::asio::awaitable<oauth::Result<tokens::IssuedToken>> issue(
      const ClientRequest& request) const;

  clients::Authenticator& authenticator_;
  const std::vector<const grants::Grant*> grants_;
  const Snapshot<grants::Policy>& policy_;
  const Freshness& freshness_;
  const Clock& clock_;
  observe::Metrics& metrics_;
};

}  // namespace grantd::endpoints
