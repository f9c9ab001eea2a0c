#include "server/clients/secret.h"

#include <gtest/gtest.h>

#include <set>

namespace grantd::clients {
namespace {

TEST(ClientSecret, HasTheFormThatScannersKnow) {
  SystemRandom random;
  const auto secret = generate_secret(random);
  EXPECT_TRUE(is_secret_id(secret.secret_id));
  ASSERT_EQ(secret.text.view().size(), 4U + 12U + 1U + 43U);
  EXPECT_TRUE(secret.text.view().starts_with("gds_" + secret.secret_id + "_"));
  EXPECT_EQ(secret_id_in(secret.text.view()), secret.secret_id);
}

TEST(ClientSecret, NoTwoAreAlike) {
  SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.emplace(generate_secret(random).text.view());
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(ClientSecret, TextOfAnyOtherFormNamesNoSecret) {
  SystemRandom random;
  const std::string good(generate_secret(random).text.view());
  auto other_prefix = good;
  other_prefix[0] = 'x';
  auto capital_id = good;
  capital_id[4] = 'A';
  auto no_separator = good;
  no_separator[16] = '-';
  auto plus_inside = good;
  plus_inside[20] = '+';
  for (const auto& text : {std::string(), good + "a", good.substr(1), other_prefix, capital_id,
                           no_separator, plus_inside}) {
    EXPECT_FALSE(secret_id_in(text));
  }
}

TEST(ImportedSecret, ShortOnesAreRefusedWithoutBeingRepeated) {
  const auto fault = fault_of_imported_secret("hunter2");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->find("hunter2"), std::string::npos);
  EXPECT_TRUE(fault_of_imported_secret(std::string(31, 'a')));
  EXPECT_FALSE(fault_of_imported_secret(std::string(32, 'a')));
  EXPECT_FALSE(fault_of_imported_secret(std::string(255, 'a')));
  EXPECT_TRUE(fault_of_imported_secret(std::string(256, 'a')));
}

TEST(ImportedSecret, OnlyVisibleAsciiIsTaken) {
  for (const char c : {' ', '\n', '\t', '\x7f', '\xc3'}) {
    EXPECT_TRUE(fault_of_imported_secret(std::string(40, 'a') + c));
  }
}

TEST(ImportedSecret, OneFinalNewlineOfAFileIsNoPartOfIt) {
  EXPECT_EQ(without_final_newline("abc\n"), "abc");
  EXPECT_EQ(without_final_newline("abc\r\n"), "abc");
  EXPECT_EQ(without_final_newline("abc\n\n"), "abc\n");
  EXPECT_EQ(without_final_newline("abc"), "abc");
}

}  // namespace
}  // namespace grantd::clients
