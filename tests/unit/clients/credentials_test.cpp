#include "server/clients/credentials.h"

#include <gtest/gtest.h>

namespace grantd::clients {
namespace {

std::string reason_of(std::string_view authorization) {
  const auto presented = client_secret_basic(authorization);
  return presented ? "presented" : presented.error().cause;
}

TEST(Rfc6749ClientSecretBasic, MalformedHeadersAreInvalidClient) {  // R16
  EXPECT_EQ(reason_of("Bearer abc"), "unsupported_scheme");
  EXPECT_EQ(reason_of("Basic"), "unsupported_scheme");
  EXPECT_EQ(reason_of("Basic "), "malformed_basic");
  EXPECT_EQ(reason_of("Basic !!!"), "malformed_basic");
  EXPECT_EQ(reason_of("Basic YWJj"), "malformed_basic");      // abc: no colon
  EXPECT_EQ(reason_of("Basic YTolenpi"), "malformed_basic");  // a:%zzb
}

TEST(Rfc6749ClientSecretBasic, DecodesIdAndSecretOnce) {  // R13, R15, R27
  const auto presented = client_secret_basic("bAsIc  YSUyNTJCYitjOmQlM0FlJTJCZg==");
  ASSERT_TRUE(presented);  // a%252Bb+c:d%3Ae%2Bf
  EXPECT_EQ(presented->client_id, "a%2Bb c");
  EXPECT_EQ(presented->secret.view(), "d:e+f");
}

TEST(Rfc6749ClientSecretBasic, OnlyTheFirstColonSeparates) {
  const auto presented = client_secret_basic("Basic YTpiOmM=");  // a:b:c
  ASSERT_TRUE(presented);
  EXPECT_EQ(presented->client_id, "a");
  EXPECT_EQ(presented->secret.view(), "b:c");
}

TEST(Rfc6749ClientSecretPost, NeedsASecretAndRefusesRepeats) {  // R30, R37
  EXPECT_FALSE(client_secret_post(*oauth::Form::parse("client_id=a"))->has_value());
  EXPECT_FALSE(client_secret_post(*oauth::Form::parse("client_id=a&client_secret="))->has_value());
  EXPECT_FALSE(client_secret_post(*oauth::Form::parse("client_secret=a&client_secret=b")));
  EXPECT_FALSE(client_secret_post(*oauth::Form::parse("client_id=a&client_id=b")));
  const auto form = oauth::Form::parse("client_id=a&client_secret=b");
  const auto presented = client_secret_post(*form);
  ASSERT_TRUE(presented && *presented);
  EXPECT_EQ((*presented)->client_id, "a");
  EXPECT_EQ((*presented)->secret.view(), "b");
}

}  // namespace
}  // namespace grantd::clients
