#include "server/jose/strict_json.h"

#include <gtest/gtest.h>

#include <string>

namespace grantd::jose {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::size_t depth = 4;

std::string fault(std::string_view text) {
  const auto parsed = parse_object(text, depth);
  return parsed ? "none" : parsed.error();
}

TEST(StrictJson, TakesAnObjectWithWhiteSpaceAroundIt) {
  const auto parsed = parse_object(" {\"a\": {\"b\": [1, \"\\u00e9\"]}, \"b\": null}\r\n", depth);
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)["a"]["b"][0], 1);
  EXPECT_EQ((*parsed)["a"]["b"][1], "é");
  EXPECT_TRUE((*parsed)["b"].is_null());
}

TEST(StrictJson, RefusesARepeatedMemberAtAnyDepth) {
  EXPECT_EQ(fault(R"({"a":1,"a":1})"), "repeated_member");
  EXPECT_EQ(fault(R"({"a":1,"\u0061":2})"), "repeated_member");
  EXPECT_EQ(fault(R"({"x":{"a":1,"b":2,"a":3}})"), "repeated_member");
  EXPECT_EQ(fault(R"({"x":[{"a":1,"a":3}]})"), "repeated_member");
}

TEST(StrictJson, TheSameNameInTwoObjectsIsNoRepetition) {
  EXPECT_EQ(fault(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})"), "none");
}

TEST(StrictJson, RefusesWhatIsNoObject) {
  for (const auto text : {"[]"sv, "1"sv, "null"sv, "\"{}\""sv}) {
    EXPECT_EQ(fault(text), "no_json_object") << text;
  }
}

TEST(StrictJson, RefusesWhatIsNoJson) {
  for (const auto text : {""sv, "{"sv, "{}x"sv, "{}{}"sv, "{'a':1}"sv, "{a:1}"sv, "{\"a\":1,}"sv,
                          "{\"a\":01}"sv, "{\"a\":NaN}"sv, "/**/{}"sv, "{\"a\":\"\n\"}"sv,
                          "{\"a\":1e999}"sv, "{\"a\":\"\\ud800\"}"sv}) {
    EXPECT_EQ(fault(text), "malformed_json") << text;
  }
}

TEST(StrictJson, RefusesNulByteOrderMarkAndInvalidUtf8) {
  for (const auto text :
       {"{}\0"sv, "{}\0{}"sv, "{\"a\":\0}"sv, "\xEF\xBB\xBF{}"sv, "{\"a\":\"\xff\"}"sv,
        "{\"a\":\"\xc0\xaf\"}"sv, "{\"a\":\"\xed\xa0\x80\"}"sv, "{\"\xff\":1}"sv}) {
    EXPECT_EQ(fault(text), "malformed_json");
  }
}

TEST(StrictJson, RefusesNestingBeyondTheBoundHoweverDeep) {
  EXPECT_EQ(fault(R"({"a":[[{}]]})"), "none");
  EXPECT_EQ(fault(R"({"a":[[{"b":[]}]]})"), "nested_too_deeply");
  EXPECT_EQ(fault(R"({"a":)" + std::string(1'000'000, '[')), "nested_too_deeply");
}

TEST(StrictJson, FindStringPassesOverOtherTypes) {
  const auto parsed = parse_object(R"({"a":"x","b":1})", depth);
  ASSERT_TRUE(parsed);
  ASSERT_NE(find_string(*parsed, "a"), nullptr);
  EXPECT_EQ(*find_string(*parsed, "a"), "x");
  EXPECT_EQ(find_string(*parsed, "b"), nullptr);
  EXPECT_EQ(find_string(*parsed, "c"), nullptr);
}

}  // namespace
}  // namespace grantd::jose
