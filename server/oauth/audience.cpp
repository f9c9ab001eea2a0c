#include "server/oauth/audience.h"

#include <algorithm>
#include <boost/url/parse.hpp>

namespace grantd::oauth {
namespace {

bool contains(std::span<const std::string> list, std::string_view item) {
  return std::ranges::find(list, item) != list.end();
}

const AudiencePolicy* find_policy(const AudiencePolicies& policies, std::string_view audience) {
  const auto found = policies.find(audience);
  return found == policies.end() ? nullptr : &found->second;
}

/// The client's default audiences; its only audience where it has one and no default.
std::span<const std::string> defaults(const Allowance& allowance) {
  if (allowance.default_audiences.empty() && allowance.audiences.size() == 1) {
    return allowance.audiences;
  }
  return allowance.default_audiences;
}

Result<std::vector<std::string>> grant_audiences(const Asked& asked, const Allowance& allowance) {
  if (asked.audiences.empty()) {
    const auto usual = defaults(allowance);
    if (usual.empty()) {
      return std::unexpected(Error{ErrorCode::invalid_target,
                                   "no resource was asked for and the client has no default one",
                                   "no_default_audience"});
    }
    return std::vector(usual.begin(), usual.end());
  }
  for (const auto& audience : asked.audiences) {
    if (!is_resource_uri(audience)) {
      return std::unexpected(Error{ErrorCode::invalid_target,
                                   "a resource must be an absolute URI without fragment",
                                   "malformed_audience"});
    }
    if (!contains(allowance.audiences, audience)) {
      return std::unexpected(Error{ErrorCode::invalid_target,
                                   "a resource is not registered for the client",
                                   "audience_not_registered"});
    }
  }
  return asked.audiences;
}

Error disagreement(std::string_view on, std::string_view cause) {
  return {ErrorCode::invalid_target,
          "the resources want different " + std::string(on) + ": ask for each alone",
          std::string(cause)};
}

Result<void> add_form(Granted& granted, const AudiencePolicy& policy) {
  if (!granted.typ.empty() && granted.typ != policy.typ) {
    return std::unexpected(disagreement("token types", "audiences_disagree_on_typ"));
  }
  granted.typ = policy.typ;
  for (const auto& [name, value] : policy.claims) {
    if (granted.claims.emplace(name, value).first->second != value) {
      return std::unexpected(disagreement("claims", "audiences_disagree_on_claim"));
    }
  }
  granted.status_list |= policy.status_list;
  granted.opaque |= policy.opaque;
  granted.encrypted |= policy.encrypted;
  return {};
}

Result<std::vector<std::string>> grant_scopes(const Asked& asked, const Allowance& allowance,
                                              std::span<const std::string> audiences,
                                              const AudiencePolicies& policies) {
  for (const auto& scope : asked.scopes) {
    if (!contains(allowance.scopes, scope)) {
      return std::unexpected(Error{ErrorCode::invalid_scope,
                                   "a scope is not registered for the client",
                                   "scope_not_registered"});
    }
    if (!is_taken(scope, audiences, policies)) {
      return std::unexpected(Error{ErrorCode::invalid_scope,
                                   "a scope is taken by none of the token's resources",
                                   "scope_not_taken_by_audience"});
    }
  }
  std::vector<std::string> granted;
  for (const auto& scope : allowance.scopes) {
    const bool wanted =
        asked.scopes.empty() ? is_taken(scope, audiences, policies) : contains(asked.scopes, scope);
    if (wanted) granted.push_back(scope);
  }
  return granted;
}

}  // namespace

bool is_taken(std::string_view scope, std::span<const std::string> audiences,
              const AudiencePolicies& policies) {
  return std::ranges::any_of(audiences, [&](const auto& audience) {
    const auto* policy = find_policy(policies, audience);
    return !policy || !policy->scopes || contains(*policy->scopes, scope);
  });
}

Result<Granted> common_form(std::vector<std::string> audiences, const AudiencePolicies& policies) {
  static const AudiencePolicy unlisted;
  Granted granted;
  for (const auto& audience : audiences) {
    const auto* policy = find_policy(policies, audience);
    if (auto added = add_form(granted, policy ? *policy : unlisted); !added) {
      return std::unexpected(added.error());
    }
  }
  if (granted.encrypted && audiences.size() > 1) {
    return std::unexpected(disagreement("encryption", "audiences_disagree_on_encryption"));
  }
  granted.audiences = std::move(audiences);
  return granted;
}

bool is_resource_uri(std::string_view text) {
  const auto url = boost::urls::parse_absolute_uri(text);  // the grammar has no fragment
  return url.has_value();
}

Result<Granted> grant_target(const Asked& asked, const Allowance& allowance,
                             const AudiencePolicies& policies) {
  auto audiences = grant_audiences(asked, allowance);
  if (!audiences) return std::unexpected(audiences.error());
  auto granted = common_form(*std::move(audiences), policies);
  if (!granted) return granted;

  auto scopes = grant_scopes(asked, allowance, granted->audiences, policies);
  if (!scopes) return std::unexpected(scopes.error());
  granted->scopes = std::move(*scopes);
  return granted;
}

}  // namespace grantd::oauth
