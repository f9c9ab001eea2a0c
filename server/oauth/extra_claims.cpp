#include "server/oauth/extra_claims.h"

#include <algorithm>
#include <array>

namespace grantd::oauth {
namespace {

constexpr std::array<std::string_view, 24> own_claims{
    "iss",    "sub",      "aud",       "exp",        "nbf",
    "iat",    "jti",      "client_id", "scope",      "act",
    "cnf",    "status",   "txn",       "tctx",       "rctx",
    "req_wl", "root_jti", "active",    "username",   "exchange_depth",
    "sub_id", "events",   "nonce",     "token_type",
};

}  // namespace

bool is_extra_claim_name(std::string_view name) {
  return !name.empty() && name.size() <= max_claim_name_bytes &&
         std::ranges::all_of(
             name, [](char c) { return c > ' ' && c < '\x7f' && c != '"' && c != '\\'; }) &&
         std::ranges::find(own_claims, name) == own_claims.end();
}

}  // namespace grantd::oauth
