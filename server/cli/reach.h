/// Who notices a revocation, for what a command says in `reaches`: whoever asks introspection or
/// follows the revocation feed always, who goes by status lists only where the token has an entry
/// of its own (docs/operations.md, "Revoking"). Private to server/cli.
#pragma once

#include <string_view>

#include "server/cli/context.h"
#include "server/cli/output.h"

namespace grantd::cli {

/// Of many tokens at once: everything of a client, of a key, of all.
[[nodiscard]] Document reach_of_many();

/// Of one jti. "status_list" where it ends in an entry that was given out, of a list that lives.
[[nodiscard]] Outcome<Document> reach_of_jti(Context& context, std::string_view jti);

}  // namespace grantd::cli
