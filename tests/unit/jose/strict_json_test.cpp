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

TEST(StrictJson, TakesNumbersAsTheyAreWritten) {
  const auto parsed = parse_object(
      R"({"a":[0,-0,7,-7,18446744073709551615,-9223372036854775808],"b":[0.1,1.1,-2.5e-3,)"
      R"(3.141592653589793,0.30000000000000004,18446744073709551616,5e-324]})",
      depth);
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)["a"].dump(), "[0,0,7,-7,18446744073709551615,-9223372036854775808]");
  EXPECT_TRUE((*parsed)["a"][2].is_number_unsigned());
  EXPECT_FALSE((*parsed)["a"][3].is_number_unsigned());
  EXPECT_EQ(
      (*parsed)["b"].dump(),
      "[0.1,1.1,-0.0025,3.141592653589793,0.30000000000000004,1.8446744073709552e+19,5e-324]");
}

TEST(StrictJson, JoinsNamesAndStringsAroundTheirEscapes) {
  const auto parsed = parse_object(R"({"n\"am\u0065\n":"\ud83d\ude00 \"x\" \/","n":"\u0000"})", 1);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->at("n\"ame\n"), "\U0001F600 \"x\" /");
  EXPECT_EQ(parsed->at("n"), std::string(1, '\0'));
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
                          "{\"a\":1e999}"sv, "{\"a\":1e-999}"sv, "{\"a\":\"\\ud800\"}"sv}) {
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
