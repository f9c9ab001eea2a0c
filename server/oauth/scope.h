/// Scopes (RFC 6749 §3.3): case-sensitive scope-tokens of %x21 / %x23-5B / %x5D-7E. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/oauth/error.h"

namespace grantd::oauth {

inline constexpr std::size_t max_scopes = 64;
inline constexpr std::size_t max_scope_token_bytes = 256;

[[nodiscard]] bool is_scope_token(std::string_view text);

/// Space-delimited tokens, repeated ones once. invalid_scope where the syntax is broken or there
/// are more than max_scopes.
[[nodiscard]] Result<std::vector<std::string>> parse_scope(std::string_view text);

[[nodiscard]] std::string join_scope(std::span<const std::string> scopes);

}  // namespace grantd::oauth
