/// From what a request asks for to the audiences and scopes of its token (RFC 8707 §2, RFC 6749
/// §3.3, and interface.md, "Tokens"). Pure.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/oauth/error.h"
#include "server/oauth/extra_claims.h"

namespace grantd::oauth {

inline constexpr std::size_t max_audiences = 8;

/// What is particular to one audience; one that is not listed takes any scope and at+jwt.
struct AudiencePolicy {
  std::optional<std::vector<std::string>> scopes{};
  std::string typ{"at+jwt"};
  ExtraClaims claims{};
  bool status_list{false};  // its tokens say where their status stands
  bool opaque{false};       // its tokens are handles
  bool encrypted{false};    // its tokens are encrypted to it
};
using AudiencePolicies = std::map<std::string, AudiencePolicy, std::less<>>;

/// What a client registered.
struct Allowance {
  std::span<const std::string> scopes{};
  std::span<const std::string> audiences{};
  std::span<const std::string> default_audiences{};
};

struct Asked {
  std::vector<std::string> scopes{};     // empty: none asked for
  std::vector<std::string> audiences{};  // `resource` in order, then `audience`; no repeats
};

struct Granted {
  std::vector<std::string> scopes{};     // in the client's order
  std::vector<std::string> audiences{};  // in the order asked for; never empty
  std::string typ{};
  ExtraClaims claims{};  // of the audiences
  bool status_list{false};
  bool opaque{false};
  bool encrypted{false};  // then there is one audience
};

/// An absolute URI without fragment (RFC 3986 §4.3), as RFC 8707 §2 wants a resource.
[[nodiscard]] bool is_resource_uri(std::string_view text);

/// What the audiences ask of a token that is granted for all of them. Errors: invalid_target where
/// they disagree on `typ` or on a claim's value, or where one of several wants it encrypted.
[[nodiscard]] Result<Granted> common_form(std::vector<std::string> audiences,
                                          const AudiencePolicies& policies);

/// Whether one of the audiences takes that scope.
[[nodiscard]] bool is_taken(std::string_view scope, std::span<const std::string> audiences,
                            const AudiencePolicies& policies);

/// Errors: invalid_target, invalid_scope.
[[nodiscard]] Result<Granted> grant_target(const Asked& asked, const Allowance& allowance,
                                           const AudiencePolicies& policies);

}  // namespace grantd::oauth
