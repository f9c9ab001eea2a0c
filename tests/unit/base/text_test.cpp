#include "server/base/text.h"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <string>

namespace grantd {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string escaped(std::string_view text) {
  std::string out;
  append_json_escaped(out, text);
  return out;
}

std::string with_ms(WallTime t) {
  std::string out;
  append_rfc3339_ms(out, t);
  return out;
}

TEST(Duration, RefusesWhatIsNoWholeNumberAndOneUnit) {
  for (const char* text : {"", "5", "m", "-5m", "+5m", " 5m", "5m ", "5 m", "5M", "1.5h", "5m30s",
                           "5min", "0x5m", "5w", "1y", "5mss"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, RefusesMoreThanTenYearsWithoutOverflow) {
  EXPECT_EQ(parse_duration("3650d"), milliseconds(24h * 3650));
  EXPECT_EQ(parse_duration("3651d"), std::nullopt);
  EXPECT_EQ(parse_duration("18446744073709551615d"), std::nullopt);
  EXPECT_EQ(parse_duration("99999999999999999999999ms"), std::nullopt);
}

TEST(Duration, ReadsEachUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("12h"), 12h);
  EXPECT_EQ(parse_duration("30d"), 24h * 30);
  EXPECT_EQ(parse_duration("0s"), 0ms);
}

TEST(Duration, IsWrittenInTheShortestTextThatReadsTheSame) {
  EXPECT_EQ(format_duration(0ms), "0s");
  EXPECT_EQ(format_duration(1ms), "1ms");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(60s), "1m");
  EXPECT_EQ(format_duration(90min), "90m");
  EXPECT_EQ(format_duration(24h), "1d");
  EXPECT_EQ(format_duration(-5s), "0s");
}

TEST(Size, RefusesWhatIsNoWholeNumberAndOneUnit) {
  for (const char* text : {"", "16", "KiB", "16KB", "16kib", "16K", "-1B", "1.5MiB", "16 KiB",
                           "1TiB", "18446744073709551616B", "17179869184GiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(Size, ReadsEachUnitAndWritesItBack) {
  for (const auto& [text, bytes] : {std::pair{"512B", 512ULL},
                                    {"16KiB", 16'384ULL},
                                    {"1MiB", 1'048'576ULL},
                                    {"3GiB", 3'221'225'472ULL},
                                    {"0B", 0ULL},
                                    {"1025B", 1025ULL}}) {
    EXPECT_EQ(parse_size(text), bytes);
    EXPECT_EQ(format_size(bytes), text);
  }
  EXPECT_EQ(parse_size("18446744073709551615B"), std::numeric_limits<std::uint64_t>::max());
}

TEST(Rfc3339, WritesUtcWithAndWithoutMilliseconds) {
  EXPECT_EQ(rfc3339(sys_seconds(0s)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(sys_seconds(1'769'860'800s)), "2026-01-31T12:00:00Z");
  EXPECT_EQ(with_ms(WallTime(1'709'251'199'007ms)), "2024-02-29T23:59:59.007Z");
  EXPECT_EQ(with_ms(WallTime(-1ms)), "1969-12-31T23:59:59.999Z");
}

TEST(Rfc3339, FollowsTheClockOverEachSecondAndBack) {
  EXPECT_EQ(with_ms(WallTime(1'709'251'199'999ms)), "2024-02-29T23:59:59.999Z");
  EXPECT_EQ(with_ms(WallTime(1'709'251'200'000ms)), "2024-03-01T00:00:00.000Z");
  EXPECT_EQ(with_ms(WallTime(1'709'251'200'001ms)), "2024-03-01T00:00:00.001Z");
  EXPECT_EQ(with_ms(WallTime(1'709'251'199'000ms)), "2024-02-29T23:59:59.000Z");
}

TEST(Rfc3339, KeepsToFourDigitsOfAYear) {
  EXPECT_EQ(rfc3339(sys_seconds::max()), "9999-12-31T23:59:59Z");
  EXPECT_EQ(rfc3339(sys_seconds::min()), "0000-01-01T00:00:00Z");
}

TEST(Rfc3629Utf8, RefusesOverlongFormsSurrogatesAndWhatIsBeyondUnicode) {
  for (const char* text : {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xE0\x9F\xBF",
                           "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                           "\xF5\x80\x80\x80", "\xFF", "a\xE2\x82", "\xE2\x28\xA1"}) {
    EXPECT_FALSE(is_utf8(text)) << escaped(text);
  }
}

TEST(Rfc3629Utf8, TakesTheFirstAndLastOfEachLength) {
  for (const char* text :
       {"", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(text)) << escaped(text);
  }
  EXPECT_TRUE(is_utf8(std::string_view("\0", 1)));
}

TEST(Rfc3629Utf8, IsLookedAtInEachPlace) {
  for (std::size_t length = 1; length <= 24; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      std::string text(length, 'a');
      text[at] = '\xFF';
      EXPECT_FALSE(is_utf8(text)) << length << ' ' << at;
      EXPECT_TRUE(is_utf8(text.replace(at, 1, "\u00e9"))) << length << ' ' << at;
    }
  }
}

TEST(Rfc8259JsonString, EscapesQuotesBackslashesAndEveryControlCharacter) {
  EXPECT_EQ(escaped("a\"b\\c"), R"(a\"b\\c)");
  EXPECT_EQ(escaped("a\nb\r\t\x1B[31m"), R"(a\u000ab\u000d\u0009\u001b[31m)");
  EXPECT_EQ(escaped(std::string_view("\0\x7F", 2)), R"(\u0000\u007f)");
  EXPECT_EQ(escaped("\xC2\x9B"
                    "31m"),
            R"(\u009b31m)");
  EXPECT_EQ(escaped("\xE2\x80\xA8\xE2\x80\xA9"), R"(\u2028\u2029)");
}

TEST(Rfc8259JsonString, ReplacesOctetsThatAreNoUtf8AndKeepsTheRest) {
  EXPECT_EQ(escaped("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
  EXPECT_EQ(escaped("a\xFF"
                    "b\xC3"),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
}

TEST(Rfc8259JsonString, FindsWhatNeedsEscapingWhereverItStands) {
  for (int c = 0; c < 256; ++c) {
    const std::string one(1, static_cast<char>(c));
    // Alone no scan of eight octets at a time sees it.
    const std::string alone = escaped(one);
    for (std::size_t at = 0; at < 17; ++at) {
      const std::string before(at, 'a');
      const std::string after(17 - at, '~');
      EXPECT_EQ(escaped(before + one + after), before + alone + after) << c << " at " << at;
    }
  }
}

TEST(Rfc8259JsonString, AppendsToWhatIsThere) {
  std::string out = "{\"a\":";
  append_json_string(out, "b\"");
  EXPECT_EQ(out, R"({"a":"b\"")");
}

}  // namespace
}  // namespace grantd
