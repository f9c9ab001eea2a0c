#include "server/oauth/form.h"

#include <gtest/gtest.h>

namespace grantd::oauth {
namespace {

std::string reason_of(std::string_view body) {
  const auto form = Form::parse(body);
  return form ? "parsed" : form.error().cause;
}

TEST(FormBody, BrokenPercentEncodingsAreRefused) {  // R16, R45
  for (const auto* body : {"a=%", "a=%4", "a=%zz", "%=b", "a=%4g"}) {
    EXPECT_EQ(reason_of(body), "malformed_form") << body;
  }
}

TEST(FormBody, OctetsThatAreNoTextAreRefused) {  // R45
  for (const auto* body : {"a=%00", "a=%ff", "a=%c0%af", "a=%ed%a0%80", "%00=a"}) {
    EXPECT_EQ(reason_of(body), "malformed_form") << body;
  }
  EXPECT_EQ(reason_of(std::string_view("a=\0b", 4)), "malformed_form");
}

TEST(FormBody, MoreThan64ParametersAreRefused) {
  std::string body;
  for (int i = 0; i < 64; ++i) body += "a=1&";
  EXPECT_EQ(reason_of(body), "parsed");
  EXPECT_EQ(reason_of(body + "a=1"), "malformed_form");
}

TEST(FormBody, PlusIsSpaceAndEncodedPlusIsPlus) {  // R15
  const auto form = Form::parse("v=a+b%2Bc%20d");
  ASSERT_TRUE(form);
  EXPECT_EQ(form->single("v")->value(), "a b+c d");
}

TEST(FormBody, EncodingsStandAnywhereAndInAnyOrder) {  // R15
  for (const auto& [text, octets] : {std::pair{"+%2B+", " + "},
                                     {"%2B+%2B", "+ +"},
                                     {"++", "  "},
                                     {"%25%2B", "%+"},
                                     {"%2B2B", "+2B"}}) {
    const auto form = Form::parse("v=a" + std::string(text) + "b&w=" + text);
    ASSERT_TRUE(form) << text;
    EXPECT_EQ(form->single("v")->value(), "a" + std::string(octets) + "b");
    EXPECT_EQ(form->single("w")->value(), octets);
  }
  EXPECT_FALSE(Form::parse("v=+%2B+%2"));
}

TEST(FormBody, RepeatedParametersAreRefusedAlsoWhereAllButOneAreEmpty) {  // R37
  const auto form = Form::parse("scope=&scope=a&x=1");
  ASSERT_TRUE(form);
  ASSERT_FALSE(form->single("scope"));
  EXPECT_EQ(form->single("scope").error().code, ErrorCode::invalid_request);
  EXPECT_TRUE(form->single("x"));
}

TEST(FormBody, EmptyCountsAsAbsent) {  // R35, R46
  const auto form = Form::parse("scope=&grant_type");
  ASSERT_TRUE(form);
  EXPECT_FALSE(form->single("scope")->has_value());
  EXPECT_FALSE(form->single("grant_type")->has_value());
  EXPECT_TRUE(form->has("scope"));
  EXPECT_TRUE(form->all("scope").empty());
}

TEST(FormBody, RepeatableParametersKeepTheirOrder) {
  const auto form = Form::parse("r=b&x=1&r=&r=a");
  ASSERT_TRUE(form);
  EXPECT_EQ(form->all("r"), (std::vector<std::string_view>{"b", "a"}));
}

TEST(FormBody, ValuesStayValidWhenTheFormIsMoved) {
  auto form = Form::parse("v=short");
  ASSERT_TRUE(form);
  const Form moved = std::move(*form);
  EXPECT_EQ(moved.single("v")->value(), "short");
}

TEST(FormContentType, TakesParametersAndAnyCaseAndNothingElse) {  // R3, R4, R5
  EXPECT_TRUE(is_form_content_type("application/x-www-form-urlencoded"));
  EXPECT_TRUE(is_form_content_type("Application/X-WWW-Form-URLencoded ; charset=UTF-8"));
  EXPECT_FALSE(is_form_content_type("application/json"));
  EXPECT_FALSE(is_form_content_type("application/x-www-form-urlencodedx"));
  EXPECT_FALSE(is_form_content_type(""));
}

TEST(QueryString, CredentialsAreRecognisedHoweverTheyAreEncoded) {  // R24
  EXPECT_TRUE(query_has_credentials("client_secret=x"));
  EXPECT_TRUE(query_has_credentials("a=b&client%5Fsecret=x"));
  EXPECT_TRUE(query_has_credentials("token="));
  EXPECT_TRUE(query_has_credentials("client_assertion"));
  EXPECT_FALSE(query_has_credentials("tokens=1&client_id=a"));
  EXPECT_FALSE(query_has_credentials(""));
}

}  // namespace
}  // namespace grantd::oauth
