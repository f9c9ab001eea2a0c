/// POST /introspect, token introspection (RFC 7662): whether a token is active, for the client it
/// was issued to and for resource servers that serve one of its audiences. Touches no disk.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/base/snapshot.h"
#include "server/endpoints/client_request.h"
#include "server/keys/key_set.h"
#include "server/tokens/revocations.h"

namespace grantd::endpoints {

class IntrospectEndpoint {
 public:
  IntrospectEndpoint(clients::Authenticator& authenticator, std::string issuer,
                     const Snapshot<keys::KeySet>& keys, const tokens::Revocations& revocations,
                     const Clock& clock, observe::Metrics& metrics);

  boost::asio::awaitable<http::Response> handle(const http::Request& http) const;

 private:
  [[nodiscard]] http::Response answer(std::string_view token, const storage::ClientRecord& caller,
                                      std::string client_id) const;

  clients::Authenticator& authenticator_;
  const std::string issuer_;
  const Snapshot<keys::KeySet>& keys_;
  const tokens::Revocations& revocations_;
  const Clock& clock_;
  observe::Metrics& metrics_;
};

}  // namespace grantd::endpoints
