#include <gtest/gtest.h>

#include "server/oauth/audience.h"
#include "server/oauth/scope.h"
#include "server/oauth/token_request.h"

namespace grantd::oauth {
namespace {

using Strings = std::vector<std::string>;

const Strings scopes{"api:read", "api:write", "log:read"};
const Strings audiences{"https://api.example.com", "https://log.example.com"};
const Strings api_only{"https://api.example.com"};
const AudiencePolicies policies{
    {"https://api.example.com", {Strings{"api:read", "api:write"}, "at+jwt"}},
    {"https://log.example.com", {Strings{"log:read"}, "at+jwt"}},
    {"https://old.example.com", {std::nullopt, "JWT"}}};

std::string reason_of(const Result<Granted>& result) {
  return result ? "granted" : result.error().cause;
}

TEST(Rfc6749Scope, BrokenSyntaxIsInvalidScope) {  // R42
  for (const std::string_view text : {"a\"b", "a\\b", "a\tb", "\x80", "a  b", " a", "a ", "ä"}) {
    const auto parsed = parse_scope(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_scope);
  }
  EXPECT_FALSE(parse_scope(std::string_view("a\0b", 3)));
  EXPECT_FALSE(parse_scope(std::string(257, 'a')));
}

TEST(Rfc6749Scope, MoreThan64AreInvalidScope) {
  std::string text = "s0";
  for (int i = 1; i < 64; ++i) text += " s" + std::to_string(i);
  EXPECT_TRUE(parse_scope(text));
  EXPECT_FALSE(parse_scope(text + " one-more"));
}

TEST(Rfc6749Scope, RepeatedAndReorderedScopesAreTheSameSet) {  // R44
  EXPECT_EQ(*parse_scope("b a b"), (Strings{"b", "a"}));
  const Allowance allowance{scopes, api_only, {}};
  const auto one = grant_target({{"api:write", "api:read"}, {}}, allowance, {});
  const auto other = grant_target({{"api:read", "api:write"}, {}}, allowance, {});
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->scopes, other->scopes);
}

TEST(Rfc6749Scope, UnregisteredAndOtherCaseAreInvalidScope) {  // R38, R39, R43
  const Allowance allowance{scopes, api_only, {}};
  EXPECT_EQ(reason_of(grant_target({{"admin"}, {}}, allowance, {})), "scope_not_registered");
  EXPECT_EQ(reason_of(grant_target({{"API:READ"}, {}}, allowance, {})), "scope_not_registered");
}

TEST(Rfc6749Scope, OmittedMeansWhatTheAudienceTakesOfTheClients) {  // R40
  const Allowance allowance{scopes, audiences, {}};
  EXPECT_EQ(grant_target({{}, {"https://log.example.com"}}, allowance, policies)->scopes,
            (Strings{"log:read"}));
  EXPECT_EQ(grant_target({{}, audiences}, allowance, policies)->scopes, scopes);
}

TEST(Rfc6749Scope, OneThatNoGrantedAudienceTakesIsInvalidScope) {
  const Allowance allowance{scopes, audiences, {}};
  EXPECT_EQ(reason_of(grant_target({{"log:read"}, api_only}, allowance, policies)),
            "scope_not_taken_by_audience");
  EXPECT_EQ(reason_of(grant_target({{"log:read"}, audiences}, allowance, policies)), "granted");
}

TEST(Rfc8707Resource, RelativeOrWithFragmentIsInvalidTarget) {  // R137
  for (const auto* uri : {"/api", "api", "https://api.example.com#x", "", "https://a b", "//x"}) {
    EXPECT_FALSE(is_resource_uri(uri)) << uri;
  }
  for (const auto* uri : {"https://api.example.com", "urn:example:api", "https://a/b?c=d"}) {
    EXPECT_TRUE(is_resource_uri(uri)) << uri;
  }
  const Allowance allowance{scopes, audiences, {}};
  EXPECT_EQ(reason_of(grant_target({{}, {"/api"}}, allowance, {})), "malformed_audience");
}

TEST(Rfc8707Resource, UnregisteredIsInvalidTarget) {
  const Allowance allowance{scopes, audiences, {}};
  const auto result =
      grant_target({{}, {"https://api.example.com", "https://x.example"}}, allowance, {});
  EXPECT_EQ(reason_of(result), "audience_not_registered");
  EXPECT_EQ(result.error().code, ErrorCode::invalid_target);
}

TEST(Rfc8707Resource, NoneToBeResolvedIsInvalidTarget) {
  EXPECT_EQ(reason_of(grant_target({}, {scopes, audiences, {}}, {})), "no_default_audience");
  EXPECT_EQ(reason_of(grant_target({}, {scopes, {}, {}}, {})), "no_default_audience");
}

TEST(Rfc8707Resource, OmittedMeansTheDefaultsOrTheOnlyOne) {  // R63
  EXPECT_EQ(grant_target({}, {scopes, api_only, {}}, {})->audiences, api_only);
  EXPECT_EQ(grant_target({}, {scopes, audiences, audiences}, {})->audiences, audiences);
}

TEST(Rfc8707Resource, AudiencesThatDisagreeOnTypAreInvalidTarget) {
  const Strings mixed{"https://api.example.com", "https://old.example.com"};
  const Allowance allowance{scopes, mixed, {}};
  EXPECT_EQ(reason_of(grant_target({{}, mixed}, allowance, policies)), "audiences_disagree_on_typ");
  EXPECT_EQ(grant_target({{}, {"https://old.example.com"}}, allowance, policies)->typ, "JWT");
}

TEST(TokenRequestForm, UnionsResourceAndAudienceWithoutRepeats) {
  const auto form = Form::parse(
      "grant_type=client_credentials&audience=https://c&audience=https://a&resource=https://b"
      "&resource=https://a&resource=");
  const auto request = TokenRequest::make(*form);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->asked.audiences, (Strings{"https://b", "https://a", "https://c"}));
}

TEST(TokenRequestForm, MoreThan8AudiencesAreInvalidRequest) {
  std::string body = "grant_type=client_credentials";
  for (int i = 0; i < 9; ++i) body += "&resource=https://a" + std::to_string(i);
  const auto form = Form::parse(body);
  const auto request = TokenRequest::make(*form);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().cause, "too_many_audiences");
}

TEST(TokenRequestForm, MissingOrEmptyGrantTypeIsInvalidRequest) {  // R32, R46
  for (const auto* body : {"", "scope=a", "grant_type="}) {
    const auto form = Form::parse(body);
    const auto request = TokenRequest::make(*form);
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().code, ErrorCode::invalid_request);
  }
}

}  // namespace
}  // namespace grantd::oauth
