/// What grants share once they know what is granted.
#pragma once

#include "server/grants/policy.h"
#include "server/oauth/audience.h"
#include "server/tokens/issuer.h"
#include "storage/records.h"

namespace grantd::grants {

/// A token of `client` for itself: lifetime, fixed claims (the client's own before those of the
/// audiences), form and size as client, audiences and policy have it. A grant changes what is
/// particular to it.
[[nodiscard]] tokens::TokenSpec spec_for(const storage::ClientRecord& client,
                                         oauth::Granted granted, const Policy& policy);

}  // namespace grantd::grants
