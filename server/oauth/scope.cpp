#include "server/oauth/scope.h"

#include <algorithm>

namespace grantd::oauth {
namespace {

Error malformed(std::string description) {
  return {ErrorCode::invalid_scope, std::move(description), "malformed_scope"};
}

}  // namespace

bool is_scope_token(std::string_view text) {
  return !text.empty() && text.size() <= max_scope_token_bytes &&
         std::ranges::all_of(text,
                             [](char c) { return c > ' ' && c < '\x7f' && c != '"' && c != '\\'; });
}

Result<std::vector<std::string>> parse_scope(std::string_view text) {
  std::vector<std::string> scopes;
  while (true) {
    const auto end = text.find(' ');
    const auto token = text.substr(0, end);
    if (!is_scope_token(token)) {
      return std::unexpected(
          malformed("scope must be scope-tokens of at most 256 characters, separated by single "
                    "spaces (RFC 6749 section 3.3)"));
    }
    if (std::ranges::find(scopes, token) == scopes.end()) {
      if (scopes.size() == max_scopes) {
        return std::unexpected(malformed("scope has more than 64 scope-tokens"));
      }
      scopes.emplace_back(token);
    }
    if (end == std::string_view::npos) return scopes;
    text.remove_prefix(end + 1);
  }
}

std::string join_scope(std::span<const std::string> scopes) {
  std::string joined;
  for (const auto& scope : scopes) {
    if (!joined.empty()) joined += ' ';
    joined += scope;
  }
  return joined;
}

}  // namespace grantd::oauth
