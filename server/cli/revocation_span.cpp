#include "server/cli/revocation_span.h"

#include <algorithm>
#include <utility>

#include "storage/change_follower.h"

namespace grantd::cli {

Outcome<std::chrono::seconds> greatest_token_age(Context& context) {
  const auto keys = context.storage->load_keys();
  if (!keys) return store_failure(keys.error(), "keys");
  auto lifetime = context.config.tokens.max_lifetime;
  for (const auto& key : *keys) lifetime = std::max(lifetime, key.max_lifetime);
  return lifetime + context.config.tokens.clock_skew;
}

Outcome<storage::NotBefore> not_before_now(Context& context, std::string client_id) {
  const auto age = greatest_token_age(context);
  if (!age) return std::unexpected(age.error());
  // A server reads the change a moment later: what it issues or exchanges until then must not
  // slip through into the next second.
  const auto at = floor_seconds(context.now + 2 * storage::ChangeFollower::interval);
  return storage::NotBefore{std::move(client_id), at, at + *age + std::chrono::seconds(1)};
}

}  // namespace grantd::cli
