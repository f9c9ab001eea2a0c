#include "server/oauth/token_request.h"

#include <algorithm>

#include "server/oauth/scope.h"

namespace grantd::oauth {

Result<TokenRequest> TokenRequest::make(const Form& form) {
  TokenRequest request;
  const auto grant_type = form.single("grant_type");
  if (!grant_type) return std::unexpected(grant_type.error());
  if (!*grant_type) {
    return std::unexpected(
        Error{ErrorCode::invalid_request, "grant_type is missing", "no_grant_type"});
  }
  request.grant_type = **grant_type;
  if (request.grant_type == token_exchange_grant) {
    const auto exchange = ExchangeRequest::make(form);
    if (!exchange) return std::unexpected(exchange.error());
    request.exchange = *exchange;
  }

  const auto scope = form.single("scope");
  if (!scope) return std::unexpected(scope.error());
  if (*scope) {
    auto scopes = parse_scope(**scope);
    if (!scopes) return std::unexpected(scopes.error());
    request.asked.scopes = std::move(*scopes);
  }

  auto& audiences = request.asked.audiences;
  for (const std::string_view name : {"resource", "audience"}) {
    for (const auto value : form.all(name)) {
      if (std::ranges::find(audiences, value) != audiences.end()) continue;
      if (audiences.size() == max_audiences) {
        return std::unexpected(Error{ErrorCode::invalid_request,
                                     "more than 8 resources were asked for", "too_many_audiences"});
      }
      audiences.emplace_back(value);
    }
  }
  return request;
}

}  // namespace grantd::oauth
