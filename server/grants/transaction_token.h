/// Transaction tokens (draft-ietf-oauth-transaction-tokens-10): a token exchange into the trust
/// domain, for the length of one call chain. Pure.
#pragma once

#include "server/grants/policy.h"
#include "server/oauth/error.h"
#include "server/oauth/token_request.h"
#include "server/tokens/issuer.h"

namespace grantd::grants {

/// Of `request_context` and `request_details`, as JSON text.
inline constexpr std::size_t max_transaction_context_bytes = 2048;

/// Makes of an exchanged token one of the trust domain: `txn` and, once set, `tctx` and `rctx` stay
/// the same through the chain; `req_wl` is the client. `spec` has been derived from `subject`
/// already. Errors: invalid_target, invalid_scope, invalid_request.
[[nodiscard]] oauth::Result<tokens::TokenSpec> transaction_spec(tokens::TokenSpec spec,
                                                                const oauth::TokenRequest& request,
                                                                const tokens::Claims& subject,
                                                                const Policy& policy);

}  // namespace grantd::grants
