/// POST /introspect, token introspection (RFC 7662): whether a token is active, for the client it
/// was issued to and for resource servers that serve one of its audiences. A caller that asks for
/// application/token-introspection+jwt gets the same answer signed (RFC 9701). Touches the disk
/// for a handle alone.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <expected>
#include <string>

#include "server/base/clock.h"
#include "server/base/freshness.h"
#include "server/base/snapshot.h"
#include "server/endpoints/client_request.h"
#include "server/keys/key_set.h"
#include "server/keys/signer.h"
#include "server/tokens/resolver.h"
#include "server/tokens/revocations.h"

namespace grantd::endpoints {

class IntrospectEndpoint {
 public:
  struct Dependencies {
    clients::Authenticator& authenticator;
    std::string issuer;
    const Snapshot<keys::KeySet>& keys;
    keys::Signer& signer;
    const tokens::Resolver& resolver;
    const tokens::Revocations& revocations;
    const Freshness& freshness;
    const Clock& clock;
    observe::Metrics& metrics;
  };
  explicit IntrospectEndpoint(Dependencies dependencies) : with_(std::move(dependencies)) {}

  boost::asio::awaitable<http::Response> handle(const http::Request& http) const;

 private:
  struct Answer {
    std::string body{};    // a JSON object
    std::string reason{};  // why it is inactive, for the log
  };
  [[nodiscard]] Answer answer(const std::expected<tokens::VerifiedToken, tokens::Unresolved>& token,
                              const storage::ClientRecord& caller) const;
  boost::asio::awaitable<http::Response> signed_answer(Answer answer, std::string client_id) const;

  Dependencies with_;
};

}  // namespace grantd::endpoints
