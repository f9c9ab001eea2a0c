/// A token request, parsed once (RFC 6749 §4.4.2, RFC 8707 §2).
#pragma once

#include <string>

#include "server/oauth/audience.h"
#include "server/oauth/exchange_request.h"
#include "server/oauth/form.h"

namespace grantd::oauth {

struct TokenRequest {
  std::string grant_type{};
  Asked asked{};
  ExchangeRequest exchange{};  // read for token_exchange_grant alone

  /// Rejects what is missing, repeated or malformed. The form must outlive the request.
  [[nodiscard]] static Result<TokenRequest> make(const Form& form);
};

}  // namespace grantd::oauth
