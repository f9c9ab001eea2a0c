#include "server/grants/token_exchange.h"

#include <algorithm>
#include <optional>
#include <ranges>
#include <utility>

#include "server/base/text.h"
#include "server/grants/exchange_target.h"
#include "server/grants/token_spec.h"
#include "server/grants/transaction_token.h"
#include "server/oauth/doubt.h"

namespace grantd::grants {
namespace {

using oauth::Error;
using oauth::ErrorCode;
using oauth::TokenType;
using storage::ExchangeMode;

std::unexpected<Error> refused(ErrorCode code, std::string description, std::string cause) {
  return std::unexpected(Error{code, std::move(description), std::move(cause)});
}

/// {"sub":"<actor>","act":<who acted before>} (RFC 8693 §4.1).
std::string nested_act(std::string_view actor, const std::string& before) {
  std::string act = R"({"sub":)";
  append_json_string(act, actor);
  if (!before.empty()) act.append(R"(,"act":)").append(before);
  act += '}';
  return act;
}

/// The subject, then everybody who acted, the first one first.
std::string chain_of(const tokens::TokenSpec& spec) {
  auto actors = tokens::actors_of(spec.act);
  if (actors.empty() || actors.front() != spec.client_id) {
    actors.insert(actors.begin(), spec.client_id);
  }
  std::string chain = spec.subject;
  for (const auto& actor : actors | std::views::reverse) chain.append(" > ").append(actor);
  return chain;
}

/// What is the same for every token that comes out of an exchange.
void derive(tokens::TokenSpec& spec, const tokens::Claims& subject, const std::string& actor,
            bool delegation, sys_seconds now) {
  spec.subject = subject.subject;
  spec.act = delegation ? nested_act(actor, subject.act) : subject.act;
  spec.root_jti = subject.root_jti.empty() ? subject.jti : subject.root_jti;
  spec.exchange_depth = subject.exchange_depth + 1;
  spec.lifetime = std::min(spec.lifetime, subject.expires_at - now);
}

bool is_transaction(const oauth::ExchangeRequest& request) {
  return request.requested_token_type == TokenType::txn_token ||
         request.subject_token_type == TokenType::txn_token;
}

/// What can be refused before any token is looked at.
oauth::Result<void> check_client(const oauth::ExchangeRequest& request,
                                 const storage::ClientRecord& client, const Policy& policy) {
  if (client.exchange.audiences.empty()) {
    return refused(ErrorCode::unauthorized_client, "the client may not exchange tokens",
                   "exchange_not_allowed");
  }
  if (is_transaction(request) && policy.trust_domain.empty()) {
    return refused(ErrorCode::invalid_request, "transaction tokens are not issued here",
                   "transaction_tokens_disabled");
  }
  return {};
}

oauth::Result<void> check_actor(const oauth::ExchangeRequest& request,
                                const tokens::Claims& subject, const std::string& actor,
                                const ExchangeContext& with) {
  if (!may_act(subject, actor, with)) {
    return refused(ErrorCode::invalid_request, "may_act of the subject token names another actor",
                   "may_act_names_another");
  }
  if (subject.exchange_depth >= with.client.exchange.max_depth) {
    return refused(ErrorCode::invalid_request,
                   "the subject token was exchanged as often as the client's policy allows",
                   "chain_too_long");
  }
  const bool transaction = request.subject_token_type == TokenType::txn_token;
  if (transaction && request.requested_token_type != TokenType::txn_token) {
    return refused(ErrorCode::invalid_request,
                   "a transaction token can be exchanged for another transaction token alone",
                   "txn_token_for_access_token");
  }
  return {};
}

}  // namespace

boost::asio::awaitable<oauth::Result<tokens::IssuedToken>> TokenExchange::issue(
    const oauth::TokenRequest& request, const storage::ClientRecord& client, WallTime now) const {
  const auto policy = policy_.get();
  if (auto allowed = check_client(request.exchange, client, *policy); !allowed) {
    co_return std::unexpected(std::move(allowed.error()));
  }
  // Handles are looked up first: what decides is a plain function.
  const auto second = floor_seconds(now);
  const auto& exchange = request.exchange;
  const auto subject =
      co_await resolver_.resolve(exchange.subject_token, second, subject_kind(exchange));
  std::optional<ResolvedToken> actor;
  if (exchange.actor_token) actor = co_await resolver_.resolve(*exchange.actor_token, second);

  if (const auto doubt = freshness_.doubts_current(clock_.steady())) {
    co_return std::unexpected(oauth::must_not_answer(*doubt));
  }
  const auto with = context(subject, actor ? &*actor : nullptr, *policy, client, second);
  auto spec = decide(request, with);
  if (!spec) co_return std::unexpected(std::move(spec.error()));
  auto chain = chain_of(*spec);
  auto root_jti = spec->root_jti;
  auto token = co_await token_issuer_.issue(std::move(*spec), now);
  if (!token) co_return token;
  token->issued_token_type = oauth::uri(exchange.requested_token_type);
  if (exchange.requested_token_type == TokenType::txn_token) token->token_type = "N_A";
  token->chain = std::move(chain);
  token->root_jti = std::move(root_jti);
  co_return token;
}

// A plain function: docs/adr/0002.
ExchangeContext TokenExchange::context(const ResolvedToken& subject, const ResolvedToken* actor,
                                       const Policy& policy, const storage::ClientRecord& client,
                                       sys_seconds now) const {
  return {subject, actor, revocations_, issuer_, policy, client, now};
}

oauth::Result<tokens::TokenSpec> TokenExchange::decide(const oauth::TokenRequest& request,
                                                       const ExchangeContext& with) {
  const auto& exchange = request.exchange;
  auto subject = subject_of(exchange, with);
  if (!subject) return std::unexpected(std::move(subject.error()));
  const auto actor = actor_of(with);
  if (!actor) return std::unexpected(actor.error());
  if (auto sound = check_actor(exchange, *subject, *actor, with); !sound) {
    return std::unexpected(std::move(sound.error()));
  }

  auto granted = exchange_target(request.asked, *subject, with.client.exchange, with.policy);
  if (!granted) return std::unexpected(std::move(granted.error()));
  auto spec = spec_for(with.client, std::move(*granted), with.policy);
  const bool delegation =
      with.client.exchange.mode == ExchangeMode::delegation || exchange.actor_token.has_value();
  derive(spec, *subject, *actor, delegation, with.now);
  if (is_transaction(exchange)) {
    return transaction_spec(std::move(spec), request, *subject, with.policy);
  }
  if (spec.granted.opaque && exchange.requested_token_type == TokenType::jwt) {
    return refused(ErrorCode::invalid_request,
                   "a token for this client or resource is a handle, not a JWT",
                   "requested_jwt_is_opaque");
  }
  return spec;
}

}  // namespace grantd::grants
