#include "server/grants/token_exchange.h"

#include <algorithm>

#include "server/base/text.h"
#include "server/grants/exchange_target.h"
#include "server/grants/subject_token.h"
#include "server/grants/token_spec.h"
#include "server/grants/transaction_token.h"

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
  for (auto actor = actors.rbegin(); actor != actors.rend(); ++actor) {
    chain.append(" > ").append(*actor);
  }
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
  auto spec = decide(request, client, floor_seconds(now));
  if (!spec) co_return std::unexpected(std::move(spec.error()));
  auto chain = chain_of(*spec);
  auto root_jti = spec->root_jti;
  auto token = co_await token_issuer_.issue(std::move(*spec), now);
  if (!token) co_return token;
  token->issued_token_type = oauth::uri(request.exchange.requested_token_type);
  if (request.exchange.requested_token_type == TokenType::txn_token) token->token_type = "N_A";
  token->chain = std::move(chain);
  token->root_jti = std::move(root_jti);
  co_return token;
}

oauth::Result<tokens::TokenSpec> TokenExchange::decide(const oauth::TokenRequest& request,
                                                       const storage::ClientRecord& client,
                                                       sys_seconds now) const {
  if (client.exchange.audiences.empty()) {
    return refused(ErrorCode::unauthorized_client, "the client may not exchange tokens",
                   "exchange_not_allowed");
  }
  const auto policy = policy_.get();
  const auto keys = keys_.get();
  const ExchangeContext with{*keys, revocations_, issuer_, *policy, client, now};
  const auto& exchange = request.exchange;
  const bool transaction = exchange.requested_token_type == TokenType::txn_token ||
                           exchange.subject_token_type == TokenType::txn_token;
  if (transaction && policy->trust_domain.empty()) {
    return refused(ErrorCode::invalid_request, "transaction tokens are not issued here",
                   "transaction_tokens_disabled");
  }

  auto subject = subject_of(exchange, with);
  if (!subject) return std::unexpected(std::move(subject.error()));
  const auto actor = actor_of(exchange, with);
  if (!actor) return std::unexpected(actor.error());
  if (auto sound = check_actor(exchange, *subject, *actor, with); !sound) {
    return std::unexpected(std::move(sound.error()));
  }

  auto granted = exchange_target(request.asked, *subject, client.exchange, *policy);
  if (!granted) return std::unexpected(std::move(granted.error()));
  auto spec = spec_for(client, std::move(*granted), *policy);
  const bool delegation =
      client.exchange.mode == ExchangeMode::delegation || exchange.actor_token.has_value();
  derive(spec, *subject, *actor, delegation, now);
  if (!transaction) return spec;
  return transaction_spec(std::move(spec), request, *subject, *policy);
}

}  // namespace grantd::grants
