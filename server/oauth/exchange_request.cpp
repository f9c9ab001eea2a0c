#include "server/oauth/exchange_request.h"

#include <array>
#include <string>
#include <utility>

namespace grantd::oauth {
namespace {

constexpr std::array all_types{TokenType::access_token, TokenType::jwt, TokenType::txn_token};

std::unexpected<Error> refused(std::string description, std::string cause) {
  return std::unexpected(
      Error{ErrorCode::invalid_request, std::move(description), std::move(cause)});
}

Result<std::string_view> required(const Form& form, std::string_view name) {
  const auto value = form.single(name);
  if (!value) return std::unexpected(value.error());
  if (!*value) return refused(std::string(name) + " is missing", "no_" + std::string(name));
  return **value;
}

Result<TokenType> type_named(std::string_view value, std::string_view parameter) {
  for (const auto type : all_types) {
    if (uri(type) == value) return type;
  }
  return refused("this " + std::string(parameter) + " is not supported",
                 "unsupported_" + std::string(parameter));
}

/// Only a grantd token says who acts, so of its type no more is asked than that it is known.
Result<std::optional<std::string_view>> actor_token_of(const Form& form) {
  const auto token = form.single("actor_token");
  if (!token) return std::unexpected(token.error());
  const auto type = form.single("actor_token_type");
  if (!type) return std::unexpected(type.error());
  if (token->has_value() != type->has_value()) {
    return refused("actor_token and actor_token_type belong together",
                   "actor_token_and_type_not_together");
  }
  if (*type) {
    if (const auto known = type_named(**type, "actor_token_type"); !known) {
      return std::unexpected(known.error());
    }
  }
  return *token;
}

}  // namespace

std::string_view uri(TokenType type) {
  switch (type) {
    case TokenType::access_token:
      return "urn:ietf:params:oauth:token-type:access_token";
    case TokenType::jwt:
      return "urn:ietf:params:oauth:token-type:jwt";
    case TokenType::txn_token:
      return "urn:ietf:params:oauth:token-type:txn_token";
  }
  std::unreachable();
}

Result<ExchangeRequest> ExchangeRequest::make(const Form& form) {
  ExchangeRequest request;
  const auto token = required(form, "subject_token");
  if (!token) return std::unexpected(token.error());
  request.subject_token = *token;

  const auto type = required(form, "subject_token_type");
  if (!type) return std::unexpected(type.error());
  const auto known = type_named(*type, "subject_token_type");
  if (!known) return std::unexpected(known.error());
  request.subject_token_type = *known;

  const auto actor = actor_token_of(form);
  if (!actor) return std::unexpected(actor.error());
  request.actor_token = *actor;

  const auto requested = form.single("requested_token_type");
  if (!requested) return std::unexpected(requested.error());
  if (*requested) {
    const auto wanted = type_named(**requested, "requested_token_type");
    if (!wanted) return std::unexpected(wanted.error());
    request.requested_token_type = *wanted;
  }

  const auto context = form.single("request_context");
  if (!context) return std::unexpected(context.error());
  request.request_context = context->value_or("");
  const auto details = form.single("request_details");
  if (!details) return std::unexpected(details.error());
  request.request_details = details->value_or("");
  return request;
}

}  // namespace grantd::oauth
