// RFC 8707; R63, R137.
#include <gtest/gtest.h>

#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

const std::string other = "https://log.example.com";

class Rfc8707Resource : public ::testing::Test {
 protected:
  Rfc8707Resource() {
    server.add_client("one");
    server.add_client("two", {"--audience", api, "--audience", other});
    server.add_client("defaults",
                      {"--audience", api, "--audience", other, "--default-audience", other});
  }
  json audience_of(const HttpResponse& response) {
    return decode(json::parse(response.body).at("access_token")).claims.at("aud");
  }
  void expect_invalid_target(const HttpResponse& response) {
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(json::parse(response.body).at("error"), "invalid_target");
  }
  TestServer server{{.config = {{"audiences", {{other, {{"typ", "JWT"}}}}}}}};
};

TEST_F(Rfc8707Resource, RelativeFragmentAndUnknownAreInvalidTarget) {
  for (const auto* resource : {"/api", "https%3A%2F%2Fapi.example.com%23x", "https%3A%2F%2Fx.y"}) {
    expect_invalid_target(server.token("one", std::string("&resource=") + resource));
    expect_invalid_target(server.token("one", std::string("&audience=") + resource));
  }
}

TEST_F(Rfc8707Resource, NoneAskedForAndNoDefaultIsInvalidTarget) {
  expect_invalid_target(server.token("two"));
}

TEST_F(Rfc8707Resource, AudiencesThatDisagreeOnTypAreInvalidTarget) {
  expect_invalid_target(server.token("two", "&resource=" + api + "&resource=" + other));
}

TEST_F(Rfc8707Resource, TheDefaultIsTakenWhereNoneIsAskedForOrAllAreEmpty) {
  EXPECT_EQ(audience_of(server.token("one")), api);
  EXPECT_EQ(audience_of(server.token("defaults")), other);
  EXPECT_EQ(audience_of(server.token("defaults", "&resource=&audience=")), other);
}

TEST_F(Rfc8707Resource, SeveralAreAnArrayInTheOrderAskedFor) {
  const std::string third = "urn:example:third";
  server.add_client("three", {"--audience", api, "--audience", third});
  EXPECT_EQ(audience_of(server.token("three", "&audience=" + api + "&resource=" + third)),
            json({third, api}));
}

TEST_F(Rfc8707Resource, MoreThanEightAreInvalidRequest) {
  std::string form;
  for (int i = 0; i < 9; ++i) form += "&resource=https://a" + std::to_string(i);
  const auto response = server.token("one", form);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(json::parse(response.body).at("error"), "invalid_request");
}

}  // namespace
}  // namespace grantd::testing
