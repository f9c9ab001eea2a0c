/// The tokens that a client presents for an exchange: whose they are, and whether they may be
/// exchanged at all (RFC 8693 §2.1, §4.4).
#pragma once

#include <expected>
#include <string>

#include "server/grants/policy.h"
#include "server/oauth/error.h"
#include "server/oauth/exchange_request.h"
#include "server/tokens/claims.h"
#include "server/tokens/resolver.h"
#include "server/tokens/revocations.h"
#include "storage/records.h"

namespace grantd::grants {

/// `kind` of the subject token that a request announces.
[[nodiscard]] tokens::Kind subject_kind(const oauth::ExchangeRequest& request);

using ResolvedToken = std::expected<tokens::VerifiedToken, tokens::Unresolved>;

/// What an exchange needs to see beside the request.
struct ExchangeContext {
  const ResolvedToken& subject_token;  // as one of ours
  const ResolvedToken* actor_token;    // null where there is none
  const tokens::Revocations& revocations;
  std::string_view issuer;
  const Policy& policy;
  const storage::ClientRecord& client;
  sys_seconds now;
};

/// The claims of the subject token: of ours, or of a foreign issuer that policy and client both
/// name; live, not revoked, for a resource that the client serves. Errors: invalid_request, the
/// cause says why (`subject_token_expired`, …); temporarily_unavailable where a handle cannot be
/// looked up.
[[nodiscard]] oauth::Result<tokens::Claims> subject_of(const oauth::ExchangeRequest& request,
                                                       const ExchangeContext& with);

/// Who acts: the `sub` of the actor token, which must be the client's own, for itself, and live;
/// the client itself where there is none. Errors: as above.
[[nodiscard]] oauth::Result<std::string> actor_of(const ExchangeContext& with);

/// Whether `may_act` of the subject token, where there is one, names that actor (RFC 8693 §4.4).
[[nodiscard]] bool may_act(const tokens::Claims& subject, std::string_view actor,
                           const ExchangeContext& with);

}  // namespace grantd::grants
