/// Where a token's status stands, as its jti tells: one entry of a Token Status List
/// (draft-ietf-oauth-status-list). So a jti alone can be revoked there. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/tokens/claims.h"

namespace grantd::tokens {

/// 2 MiB of bits; the greatest `status_lists.capacity`.
inline constexpr std::uint32_t max_status_list_capacity = std::uint32_t{1} << 24U;

/// The entry in which a jti "<32 hex digits>.<list>.<index>" ends, in strict decimal: no sign, no
/// leading zero, nothing behind; list 1 to 2^63 - 1, index below max_status_list_capacity. None
/// for every other jti: that token has no entry of its own.
[[nodiscard]] std::optional<StatusReference> status_of_jti(std::string_view jti);

/// ".<list>.<index>", what such a jti ends in.
[[nodiscard]] std::string jti_suffix(const StatusReference& status);

/// The same list number where it stands in a path.
[[nodiscard]] std::optional<std::uint64_t> parse_status_list_id(std::string_view text);

}  // namespace grantd::tokens
