/// What a token exchange asks for (RFC 8693 §2.1; draft-ietf-oauth-transaction-tokens §7), parsed
/// once. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "server/oauth/error.h"
#include "server/oauth/form.h"

namespace grantd::oauth {

inline constexpr std::string_view token_exchange_grant =
    "urn:ietf:params:oauth:grant-type:token-exchange";

/// RFC 8693 §3; a JWT of ours is an access token, so both names mean the same here.
enum class TokenType { access_token, jwt, txn_token };

[[nodiscard]] std::string_view uri(TokenType type);

/// The views are into the form, which holds what must not be copied about: tokens.
struct ExchangeRequest {
  std::string_view subject_token{};
  TokenType subject_token_type{TokenType::access_token};
  std::optional<std::string_view> actor_token{};
  TokenType requested_token_type{TokenType::access_token};
  /// JSON objects as sent, of a transaction token alone; empty: none.
  std::string_view request_context{};
  std::string_view request_details{};

  /// Errors: invalid_request for what is missing, repeated, or of a type that is not supported.
  [[nodiscard]] static Result<ExchangeRequest> make(const Form& form);
};

}  // namespace grantd::oauth
