#include "server/grants/exchange_target.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "server/oauth/scope.h"

namespace grantd::grants {
namespace {

using oauth::Error;
using oauth::ErrorCode;

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::ranges::find(list, item) != list.end();
}

std::unexpected<Error> invalid_target(std::string description, std::string cause) {
  return std::unexpected(
      Error{ErrorCode::invalid_target, std::move(description), std::move(cause)});
}

std::unexpected<Error> invalid_scope(std::string description, std::string cause) {
  return std::unexpected(Error{ErrorCode::invalid_scope, std::move(description), std::move(cause)});
}

oauth::Result<std::vector<std::string>> target_audiences(const oauth::Asked& asked,
                                                         const storage::ExchangePolicy& client) {
  if (asked.audiences.empty()) {
    if (client.audiences.size() == 1) return client.audiences;
    return invalid_target("no resource was asked for and the client may exchange into several",
                          "no_default_audience");
  }
  for (const auto& audience : asked.audiences) {
    if (!oauth::is_resource_uri(audience)) {
      return invalid_target("a resource must be an absolute URI without fragment",
                            "malformed_audience");
    }
    if (!contains(client.audiences, audience)) {
      return invalid_target("the client may not exchange into a resource that was asked for",
                            "exchange_into_audience_not_allowed");
    }
  }
  return asked.audiences;
}

/// What of the subject token's scopes client and audiences take.
std::vector<std::string> scopes_left(const tokens::Claims& subject,
                                     const storage::ExchangePolicy& client,
                                     const std::vector<std::string>& audiences,
                                     const Policy& policy) {
  std::vector<std::string> left;
  for (const auto& scope : subject.scopes) {
    // A foreign issuer's may be written in characters that are none of RFC 6749's.
    if (!oauth::is_scope_token(scope) || left.size() == oauth::max_scopes) continue;
    if (!client.scopes.empty() && !contains(client.scopes, scope)) continue;
    if (oauth::is_taken(scope, audiences, policy.audiences)) left.push_back(scope);
  }
  return left;
}

oauth::Result<std::vector<std::string>> target_scopes(const oauth::Asked& asked,
                                                      const tokens::Claims& subject,
                                                      const storage::ExchangePolicy& client,
                                                      const std::vector<std::string>& audiences,
                                                      const Policy& policy) {
  auto left = scopes_left(subject, client, audiences, policy);
  for (const auto& scope : asked.scopes) {
    if (contains(left, scope)) continue;
    if (!contains(subject.scopes, scope)) {
      return invalid_scope("a scope is wider than the subject token's",
                           "scope_wider_than_subject_token");
    }
    return invalid_scope("a scope may not be exchanged by the client, or no resource takes it",
                         "scope_not_exchangeable");
  }
  if (!asked.scopes.empty()) {
    std::erase_if(left, [&](const auto& scope) { return !contains(asked.scopes, scope); });
  } else if (left.empty() && !subject.scopes.empty()) {
    // Without a scope a resource server may take a token for one that is bound to none.
    return invalid_scope("no scope of the subject token is left for the resource", "no_scope_left");
  }
  return left;
}

}  // namespace

oauth::Result<oauth::Granted> exchange_target(const oauth::Asked& asked,
                                              const tokens::Claims& subject,
                                              const storage::ExchangePolicy& client,
                                              const Policy& policy) {
  auto audiences = target_audiences(asked, client);
  if (!audiences) return std::unexpected(audiences.error());
  auto granted = oauth::common_form(*std::move(audiences), policy.audiences);
  if (!granted) return granted;
  auto scopes = target_scopes(asked, subject, client, granted->audiences, policy);
  if (!scopes) return std::unexpected(scopes.error());
  granted->scopes = std::move(*scopes);
  return granted;
}

}  // namespace grantd::grants
