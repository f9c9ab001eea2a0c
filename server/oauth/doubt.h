/// The one answer of a node that has not heard from the database for too long: not what it no
/// longer knows, but that another node, or this one later, may know it (docs/adr/0010). Pure.
#pragma once

#include <string>

#include "server/base/freshness.h"
#include "server/oauth/error.h"

namespace grantd::oauth {

[[nodiscard]] inline Error must_not_answer(Freshness::Doubt doubt) {
  return {ErrorCode::temporarily_unavailable, "this server cannot answer now, try again",
          std::string(name(doubt))};
}

}  // namespace grantd::oauth
