/// A token request, parsed once (RFC 6749 §4.4.2, RFC 8707 §2).
#pragma once

#include <string>

#include "server/oauth/audience.h"
#include "server/oauth/form.h"

namespace grantd::oauth {

struct TokenRequest {
  std::string grant_type{};
  Asked asked{};

  /// Rejects what is missing, repeated or malformed.
  [[nodiscard]] static Result<TokenRequest> make(const Form& form);
};

}  // namespace grantd::oauth
