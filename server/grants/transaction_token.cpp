#include "server/grants/transaction_token.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "server/base/text.h"
#include "server/jose/strict_json.h"
#include "server/tokens/verifier.h"

namespace grantd::grants {
namespace {

using oauth::Error;
using oauth::ErrorCode;

constexpr std::size_t max_context_depth = 8;

std::unexpected<Error> refused(ErrorCode code, std::string description, std::string cause) {
  return std::unexpected(Error{code, std::move(description), std::move(cause)});
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::optional<std::string> inherited(const tokens::Claims& subject, const std::string& name) {
  const auto found = subject.extra.find(name);
  if (found == subject.extra.end()) return std::nullopt;
  return found->second;
}

/// What the subject token fixed stays: downstream services rely on it not changing.
oauth::Result<void> add_context(tokens::TokenSpec& spec, const tokens::Claims& subject,
                                const std::string& claim, std::string_view parameter,
                                std::string_view value) {
  if (auto fixed = inherited(subject, claim)) {
    if (!value.empty()) {
      return refused(ErrorCode::invalid_request,
                     std::string(parameter) + " cannot change what the transaction token fixed",
                     "transaction_context_is_fixed");
    }
    spec.extra.insert_or_assign(claim, std::move(*fixed));
    return {};
  }
  if (value.empty()) return {};
  const auto object = value.size() <= max_transaction_context_bytes
                          ? jose::parse_object(value, max_context_depth)
                          : std::unexpected("too_large");
  if (!object) {
    return refused(ErrorCode::invalid_request,
                   std::string(parameter) + " must be a JSON object of at most " +
                       std::to_string(max_transaction_context_bytes) + " bytes",
                   "malformed_" + std::string(parameter));
  }
  spec.extra.insert_or_assign(claim, object->dump());
  return {};
}

}  // namespace

oauth::Result<tokens::TokenSpec> transaction_spec(tokens::TokenSpec spec,
                                                  const oauth::TokenRequest& request,
                                                  const tokens::Claims& subject,
                                                  const Policy& policy) {
  if (spec.granted.audiences != std::vector<std::string>{policy.trust_domain}) {
    return refused(ErrorCode::invalid_target,
                   "the audience of a transaction token is the trust domain alone",
                   "audience_is_not_the_trust_domain");
  }
  if (spec.granted.opaque) {
    return refused(ErrorCode::invalid_request,
                   "a token for this client or resource is a handle, not a transaction token",
                   "requested_txn_token_is_opaque");
  }
  if (request.asked.scopes.empty()) {
    return refused(ErrorCode::invalid_scope, "a transaction token needs a scope",
                   "transaction_without_scope");
  }
  // One chain of calls, whatever hop asks: the first token's name is the transaction's.
  spec.extra.insert_or_assign("txn",
                              inherited(subject, "txn").value_or(json_string(spec.root_jti)));
  spec.extra.insert_or_assign("req_wl", json_string(spec.client_id));
  const auto& exchange = request.exchange;
  if (auto added = add_context(spec, subject, "tctx", "request_details", exchange.request_details);
      !added) {
    return std::unexpected(std::move(added.error()));
  }
  if (auto added = add_context(spec, subject, "rctx", "request_context", exchange.request_context);
      !added) {
    return std::unexpected(std::move(added.error()));
  }
  spec.lifetime = std::min(spec.lifetime, policy.transaction_lifetime);
  spec.granted.typ = tokens::transaction_token_typ;
  return spec;
}

}  // namespace grantd::grants
