#include "server/grants/token_spec.h"

#include <algorithm>
#include <utility>

namespace grantd::grants {

tokens::TokenSpec spec_for(const storage::ClientRecord& client, oauth::Granted granted,
                           const Policy& policy) {
  tokens::TokenSpec spec;
  spec.subject = client.id;
  spec.client_id = client.id;
  spec.lifetime = std::min(client.token_lifetime.value_or(policy.lifetime), policy.max_lifetime);
  spec.extra = client.claims;
  spec.extra.merge(granted.claims);  // a name that is there already stays
  granted.opaque |= client.token_format == storage::TokenFormat::opaque;
  if (granted.encrypted) spec.reader = policy.encryption_keys.at(granted.audiences.front());
  spec.granted = std::move(granted);
  spec.status_entry = policy.status_lists;
  spec.max_bytes = policy.max_token_bytes;
  return spec;
}

}  // namespace grantd::grants
