#include "server/grants/subject_token.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "server/jose/strict_json.h"
#include "server/tokens/foreign.h"

namespace grantd::grants {
namespace {

using oauth::Error;
using oauth::ErrorCode;
using oauth::TokenType;

constexpr std::size_t max_may_act_depth = 4;

/// One answer for every reason: a client learns no more of a token than that it will not do.
std::unexpected<Error> refused(std::string_view token, std::string cause) {
  return std::unexpected(
      Error{ErrorCode::invalid_request,
            "the " + std::string(token) + " is not valid, expired, revoked, or not for this client",
            std::string(token) + "_" + std::move(cause)});
}

oauth::Result<tokens::Claims> own_token(const ResolvedToken& token, std::string_view role,
                                        const ExchangeContext& with) {
  if (!token && token.error().why == tokens::Unresolved::Why::unavailable) {
    return std::unexpected(tokens::unavailable_error(token.error()));
  }
  if (!token) return refused(role, token.error().reason);
  if (with.revocations.is_revoked(token->claims())) return refused(role, "revoked");
  return token->claims();
}

oauth::Result<tokens::Claims> foreign_token(std::string_view token, const std::string& issuer,
                                            const ExchangeContext& with) {
  const auto& trusted = with.client.exchange.issuers;
  if (std::ranges::find(trusted, issuer) == trusted.end()) {
    return refused("subject_token", "issuer_not_trusted");
  }
  auto claims = tokens::verify_foreign(token, with.policy.issuers, with.now,
                                       {with.policy.clock_skew, with.policy.max_lifetime});
  if (!claims) return refused("subject_token", claims.error());
  if (with.revocations.is_revoked(*claims)) return refused("subject_token", "revoked");
  return std::move(*claims);
}

}  // namespace

tokens::Kind subject_kind(const oauth::ExchangeRequest& request) {
  return request.subject_token_type == TokenType::txn_token ? tokens::Kind::transaction_token
                                                            : tokens::Kind::access_token;
}

oauth::Result<tokens::Claims> subject_of(const oauth::ExchangeRequest& request,
                                         const ExchangeContext& with) {
  const bool transaction = request.subject_token_type == TokenType::txn_token;
  const auto issuer = tokens::issuer_of(request.subject_token);
  const bool foreign = !transaction && !issuer.empty() && issuer != with.issuer;
  auto claims = foreign ? foreign_token(request.subject_token, issuer, with)
                        : own_token(with.subject_token, "subject_token", with);
  if (!claims) return claims;
  if (!foreign && with.subject_token->is_reference() &&
      request.subject_token_type != TokenType::access_token) {
    return refused("subject_token", "is_no_jwt");
  }
  const bool served = std::ranges::any_of(claims->audiences, [&](const auto& audience) {
    return std::ranges::find(with.client.serves, audience) != with.client.serves.end();
  });
  if (!served) return refused("subject_token", "outside_audience");
  return claims;
}

oauth::Result<std::string> actor_of(const ExchangeContext& with) {
  if (with.actor_token == nullptr) return with.client.id;
  const auto claims = own_token(*with.actor_token, "actor_token", with);
  if (!claims) return std::unexpected(claims.error());
  if (claims->client_id != with.client.id) return refused("actor_token", "of_another_client");
  // What the client got by an exchange speaks for whoever called it, not for the client.
  if (claims->subject != with.client.id) return refused("actor_token", "of_another_subject");
  return claims->subject;
}

bool may_act(const tokens::Claims& subject, std::string_view actor, const ExchangeContext& with) {
  const auto claim = subject.extra.find("may_act");
  if (claim == subject.extra.end()) return true;
  const auto named = jose::parse_object(claim->second, max_may_act_depth);
  if (!named || !named->contains("sub")) return false;
  // All members together identify the actor: one that is not understood cannot match.
  return std::ranges::all_of(named->items(), [&](const auto& member) {
    if (member.key() == "sub") return member.value() == actor;
    if (member.key() == "iss") return member.value() == with.issuer;
    if (member.key() == "client_id") return member.value() == with.client.id;
    return false;
  });
}

}  // namespace grantd::grants
