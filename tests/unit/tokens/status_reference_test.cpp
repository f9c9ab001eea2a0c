#include "server/tokens/status_reference.h"

#include <gtest/gtest.h>

namespace grantd::tokens {
namespace {

const std::string random_digits = "0123456789abcdef0123456789abcdef";

TEST(TokenStatusListJti, NamesTheEntryThatItEndsIn) {
  EXPECT_EQ(status_of_jti(random_digits + ".17.4711"), (StatusReference{17, 4711}));
  EXPECT_EQ(status_of_jti(random_digits + ".1.0"), (StatusReference{1, 0}));
  EXPECT_EQ(status_of_jti(random_digits + ".9223372036854775807.16777215"),
            (StatusReference{9223372036854775807U, max_status_list_capacity - 1}));
}

TEST(TokenStatusListJti, ReadsBackWhatWasWritten) {
  for (const StatusReference status : {StatusReference{1, 0}, StatusReference{31, 1'048'575}}) {
    EXPECT_EQ(status_of_jti(random_digits + jti_suffix(status)), status);
  }
}

TEST(TokenStatusListJti, EveryOtherFormNamesNone) {
  for (const std::string suffix : {"",
                                   ".",
                                   "..",
                                   ".1",
                                   ".1.",
                                   "..1",
                                   ".1.2.",
                                   ".1.2.3",
                                   ".0.1",
                                   ".01.1",
                                   ".1.01",
                                   ".1.00",
                                   ".+1.1",
                                   ".-1.1",
                                   ".1.-1",
                                   ".1.+1",
                                   ". 1.1",
                                   ".1. 1",
                                   ".1.1 ",
                                   ".1.1x",
                                   ".x.1",
                                   ".0x1.1",
                                   ".1,1",
                                   "-1.1",
                                   "1.1",
                                   ".9223372036854775808.1",
                                   ".99999999999999999999999.1",
                                   ".1.16777216",
                                   ".1.99999999999999999999999"}) {
    EXPECT_EQ(status_of_jti(random_digits + suffix), std::nullopt) << suffix;
  }
  EXPECT_EQ(status_of_jti(""), std::nullopt);
  EXPECT_EQ(status_of_jti(".1.1"), std::nullopt);
  EXPECT_EQ(status_of_jti(random_digits.substr(1) + ".1.1"), std::nullopt);
  EXPECT_EQ(status_of_jti("0123456789ABCDEF0123456789ABCDEF.1.1"), std::nullopt);
  EXPECT_EQ(status_of_jti(random_digits + ".1." + std::string(200, '1')), std::nullopt);
}

TEST(TokenStatusListId, IsStrictDecimalAboveZero) {
  EXPECT_EQ(parse_status_list_id("17"), 17U);
  for (const auto* text : {"", "0", "017", "+17", "-17", "17a", " 17", "9223372036854775808"}) {
    EXPECT_EQ(parse_status_list_id(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace grantd::tokens
