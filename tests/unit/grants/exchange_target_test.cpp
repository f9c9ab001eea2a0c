#include "server/grants/exchange_target.h"

#include <gtest/gtest.h>

namespace grantd::grants {
namespace {

using Strings = std::vector<std::string>;

class ExchangeTarget : public ::testing::Test {
 protected:
  ExchangeTarget() {
    subject.scopes = {"a", "b", "c"};
    client.audiences = {"https://one"};
  }
  std::string outcome(const oauth::Asked& asked) {
    const auto granted = exchange_target(asked, subject, client, policy);
    return granted ? oauth_text(granted->scopes) : granted.error().cause;
  }
  static std::string oauth_text(const Strings& scopes) {
    std::string text;
    for (const auto& scope : scopes) text += scope;
    return text;
  }
  tokens::Claims subject;
  storage::ExchangePolicy client;
  Policy policy;
};

TEST_F(ExchangeTarget, IsAPartOfWhatTheSubjectTokenHas) {  // R140
  EXPECT_EQ(outcome({{"d"}, {}}), "scope_wider_than_subject_token");
  EXPECT_EQ(outcome({{"c", "a"}, {}}), "ac");
  EXPECT_EQ(outcome({}), "abc");
}

TEST_F(ExchangeTarget, IsAPartOfWhatTheClientMayExchange) {
  client.scopes = {"b", "d"};
  EXPECT_EQ(outcome({{"a"}, {}}), "scope_not_exchangeable");
  EXPECT_EQ(outcome({{"d"}, {}}), "scope_wider_than_subject_token");
  EXPECT_EQ(outcome({}), "b");
}

TEST_F(ExchangeTarget, IsAPartOfWhatTheAudiencesTake) {
  policy.audiences["https://one"].scopes = Strings{"c"};
  EXPECT_EQ(outcome({{"a"}, {}}), "scope_not_exchangeable");
  EXPECT_EQ(outcome({}), "c");
  policy.audiences["https://one"].scopes = Strings{};
  EXPECT_EQ(outcome({}), "no_scope_left");
}

TEST_F(ExchangeTarget, OfATokenWithoutScopesHasNone) {
  subject.scopes = {};
  EXPECT_EQ(outcome({}), "");
  EXPECT_EQ(outcome({{"a"}, {}}), "scope_wider_than_subject_token");
}

TEST_F(ExchangeTarget, PassesOverForeignScopesThatAreNoScopeTokens) {
  subject.scopes = {"a\"b", "a"};
  EXPECT_EQ(outcome({}), "a");
}

TEST_F(ExchangeTarget, MustBeOneOfTheClientsAudiences) {
  EXPECT_EQ(outcome({{}, {"https://two"}}), "exchange_into_audience_not_allowed");
  EXPECT_EQ(outcome({{}, {"two"}}), "malformed_audience");
  client.audiences = {"https://one", "https://two"};
  EXPECT_EQ(outcome({}), "no_default_audience");
  EXPECT_EQ(outcome({{}, {"https://two"}}), "abc");
}

}  // namespace
}  // namespace grantd::grants
