#include "server/cli/arguments.h"

#include <gtest/gtest.h>

namespace grantd::cli {
namespace {

using Arguments = std::vector<std::string>;

const std::string dashed_kid = "-bzLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";

TEST(CommandLineArguments, AKidThatBeginsWithADashComesBehindTheOptions) {
  EXPECT_EQ(prepare_arguments({"key", "retire", dashed_kid, "--now"}),
            (Arguments{"key", "retire", "--now", "--", dashed_kid}));
}

TEST(CommandLineArguments, AKidIsFoundBehindOptionsThatStandBeforeTheCommand) {
  EXPECT_EQ(prepare_arguments({"--config", "key", "--json", "key", "retire", dashed_kid}),
            (Arguments{"--config", "key", "--json", "key", "retire", "--", dashed_kid}));
}

TEST(CommandLineArguments, AConfigurationOfFortyThreeCharactersIsNoKid) {
  const Arguments arguments{"key", "retire", "--config", dashed_kid, "KID"};
  EXPECT_EQ(prepare_arguments(arguments), arguments);
}

TEST(CommandLineArguments, ElsewhereFortyThreeCharactersAreNoKid) {
  const Arguments arguments{"client", "show", dashed_kid};
  EXPECT_EQ(prepare_arguments(arguments), arguments);
}

TEST(CommandLineArguments, FortyTwoCharactersAreNoKid) {
  const Arguments arguments{"key", "retire", dashed_kid.substr(0, 42)};
  EXPECT_EQ(prepare_arguments(arguments), arguments);
}

TEST(CommandLineArguments, AKidBehindTheMarkIsLeftThere) {
  const Arguments arguments{"key", "retire", "--", dashed_kid};
  EXPECT_EQ(prepare_arguments(arguments), arguments);
}

TEST(CommandLineArguments, AnEmptyValueBehindTheEqualsSignIsAValue) {
  EXPECT_EQ(prepare_arguments({"client", "update", "a", "--scope=", "--name=x"}),
            (Arguments{"client", "update", "a", "--scope", "", "--name=x"}));
}

TEST(CommandLineArguments, BehindTheMarkAnEqualsSignIsOrdinary) {
  const Arguments arguments{"client", "show", "--", "--scope="};
  EXPECT_EQ(prepare_arguments(arguments), arguments);
}

TEST(CommandLineArguments, DiagnosticsRepeatShortArgumentsAlone) {
  EXPECT_EQ(repeatable("--nmae"), "\"--nmae\"");
  const std::string secret = "gds_abcdefghijkl_0123456789012345678901234567890123456789012";
  EXPECT_EQ(repeatable(secret).find("gds_"), std::string::npos);
}

TEST(CommandLineArguments, DiagnosticsRepeatNoControlCharacters) {
  EXPECT_EQ(repeatable("\x1b[2J"), "\"\\u001b[2J\"");
}

}  // namespace
}  // namespace grantd::cli
