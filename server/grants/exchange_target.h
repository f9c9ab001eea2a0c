/// For whom, and for what, an exchanged token may be (RFC 8693 §2.1, §2.2.1): a part of what the
/// subject token holds and of what the client's policy allows. Pure.
#pragma once

#include "server/grants/policy.h"
#include "server/oauth/audience.h"
#include "server/oauth/error.h"
#include "server/tokens/claims.h"
#include "storage/records.h"

namespace grantd::grants {

/// Errors: invalid_target, invalid_scope.
[[nodiscard]] oauth::Result<oauth::Granted> exchange_target(const oauth::Asked& asked,
                                                            const tokens::Claims& subject,
                                                            const storage::ExchangePolicy& client,
                                                            const Policy& policy);

}  // namespace grantd::grants
