#include "server/grants/client_credentials.h"

#include "server/grants/token_spec.h"

namespace grantd::grants {
namespace {

oauth::Result<tokens::TokenSpec> decide(const oauth::TokenRequest& request,
                                        const storage::ClientRecord& client, const Policy& policy) {
  auto granted = oauth::grant_target(
      request.asked, {client.scopes, client.audiences, client.default_audiences}, policy.audiences);
  if (!granted) return std::unexpected(granted.error());
  return spec_for(client, std::move(*granted), policy);
}

}  // namespace

boost::asio::awaitable<oauth::Result<tokens::IssuedToken>> ClientCredentials::issue(
    const oauth::TokenRequest& request, const storage::ClientRecord& client, WallTime now) const {
  auto spec = decide(request, client, *policy_.get());
  if (!spec) co_return std::unexpected(std::move(spec.error()));
  co_return co_await issuer_.issue(std::move(*spec), now);
}

}  // namespace grantd::grants
