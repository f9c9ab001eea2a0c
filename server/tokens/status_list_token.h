/// A Token Status List as a signed document (draft-ietf-oauth-status-list, "Status List Token in
/// JWT Format"). Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "server/base/clock.h"

namespace grantd::tokens {

inline constexpr std::string_view status_list_typ = "statuslist+jwt";

struct StatusListClaims {
  std::string_view issuer{};
  std::string uri{};  // `sub`, byte for byte the `uri` of the tokens that refer to it
  sys_seconds issued_at{};
  sys_seconds expires_at{};
  std::chrono::seconds ttl{0};
};

/// The claims as a JSON object. `octets`: one bit a token. Compresses them: a millisecond and more
/// for a large list, so for the blocking pool.
[[nodiscard]] std::string status_list_json(const StatusListClaims& claims, std::string_view octets);

}  // namespace grantd::tokens
