#include "server/oauth/extra_claims.h"

#include <gtest/gtest.h>

namespace grantd::oauth {
namespace {

TEST(ExtraClaimName, IsNoneThatGrantdSetsItselfOrThatChangesWhatAVerifierBelieves) {
  for (const std::string_view name :
       {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "act", "cnf",
        "status", "txn", "tctx", "rctx", "req_wl", "root_jti", "exchange_depth", "active"}) {
    EXPECT_FALSE(is_extra_claim_name(name)) << name;
  }
}

TEST(ExtraClaimName, IsVisibleAsciiOfBoundedLength) {
  EXPECT_TRUE(is_extra_claim_name("tenant"));
  EXPECT_TRUE(is_extra_claim_name("https://example.com/roles"));
  EXPECT_TRUE(is_extra_claim_name("may_act"));
  EXPECT_TRUE(is_extra_claim_name(std::string(max_claim_name_bytes, 'x')));
  EXPECT_FALSE(is_extra_claim_name(std::string(max_claim_name_bytes + 1, 'x')));
  for (const std::string_view name : {"", "a b", "a\"b", "a\\b", "a\n", "ä"}) {
    EXPECT_FALSE(is_extra_claim_name(name)) << name;
  }
}

}  // namespace
}  // namespace grantd::oauth
