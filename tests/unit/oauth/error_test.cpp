#include "server/oauth/error.h"

#include <gtest/gtest.h>

#include <set>

namespace grantd::oauth {
namespace {

TEST(Rfc6749Errors, EveryCodeHasAWordOfTheRegistryAndAStatusOfItsOwn) {  // R52
  const std::set<std::string_view> words{"invalid_request",         "invalid_client",
                                         "invalid_scope",           "invalid_target",
                                         "unauthorized_client",     "server_error",
                                         "temporarily_unavailable", "unsupported_grant_type",
                                         "unsupported_token_type",  "access_denied"};
  for (int code = 0; code <= static_cast<int>(ErrorCode::header_fields_too_large); ++code) {
    const auto [error, status] = wire(static_cast<ErrorCode>(code));
    EXPECT_TRUE(words.contains(error)) << error;
    EXPECT_GE(status, 400U);
    EXPECT_LT(status, 600U);
  }
  EXPECT_EQ(wire(ErrorCode::invalid_client).status, 401U);
  EXPECT_EQ(wire(ErrorCode::invalid_client_throttled).error, "invalid_client");
}

}  // namespace
}  // namespace grantd::oauth
