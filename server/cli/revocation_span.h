/// How long a revocation must be kept. Private to server/cli.
#pragma once

#include <chrono>
#include <string>

#include "server/cli/context.h"
#include "storage/records.h"

namespace grantd::cli {

/// Longer than any token that was issued until now can be accepted: the greatest max_lifetime that
/// is or was in force, and the verifiers' clock skew.
[[nodiscard]] Outcome<std::chrono::seconds> greatest_token_age(Context& context);

/// Makes everything inactive that was issued until now, to that client, or to all where
/// `client_id` is empty.
[[nodiscard]] Outcome<storage::NotBefore> not_before_now(Context& context, std::string client_id);

}  // namespace grantd::cli
