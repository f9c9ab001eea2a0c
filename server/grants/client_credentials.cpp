#include "server/grants/client_credentials.h"

#include <algorithm>

namespace grantd::grants {
namespace {

oauth::Result<tokens::TokenSpec> decide(const oauth::TokenRequest& request,
                                        const storage::ClientRecord& client, const Policy& policy) {
  auto granted = oauth::grant_target(
      request.asked, {client.scopes, client.audiences, client.default_audiences}, policy.audiences);
  if (!granted) return std::unexpected(granted.error());
  const auto lifetime =
      std::min(client.token_lifetime.value_or(policy.lifetime), policy.max_lifetime);
  return tokens::TokenSpec{client.id, client.id, std::move(*granted), lifetime};
}

}  // namespace

boost::asio::awaitable<oauth::Result<tokens::IssuedToken>> ClientCredentials::issue(
    const oauth::TokenRequest& request, const storage::ClientRecord& client, WallTime now) const {
  auto spec = decide(request, client, *policy_.get());
  if (!spec) co_return std::unexpected(std::move(spec.error()));
  co_return co_await issuer_.issue(std::move(*spec), now);
}

}  // namespace grantd::grants
