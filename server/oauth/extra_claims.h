/// Fixed claims that an operator adds to tokens, by client or by audience (RFC 9068 §2.2.3 leaves
/// room for them). Pure.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace grantd::oauth {

/// Name → the value as JSON text.
using ExtraClaims = std::map<std::string, std::string>;

inline constexpr std::size_t max_extra_claims = 16;
inline constexpr std::size_t max_claim_name_bytes = 64;
/// Of one value as JSON text.
inline constexpr std::size_t max_claim_value_bytes = 1024;

/// 1 to max_claim_name_bytes visible ASCII characters other than '"' and '\', and none of the names
/// that grantd writes itself or that change what a verifier believes (`exp`, `act`, `cnf`, …).
/// `may_act` is allowed: it names who may exchange the token (RFC 8693 §4.4).
[[nodiscard]] bool is_extra_claim_name(std::string_view name);

inline constexpr std::string_view extra_claim_name_expected =
    "a claim's name of 1 to 64 visible ASCII characters other than \" and \\, none that grantd "
    "sets itself";

}  // namespace grantd::oauth
