// docs/grantd.1 and docs/grantd.bash-completion are the tree's own words. After a change of the
// tree: `grantd documentation man > docs/grantd.1`, and likewise bash-completion.
#include <gtest/gtest.h>

#include "server/cli/command.h"
#include "tests/support/temp_dir.h"

namespace grantd::cli {
namespace {

const std::filesystem::path docs = std::filesystem::path(GRANTD_SOURCE_DIR) / "docs";

void expect_an_example(const CLI::App& app) {
  EXPECT_TRUE(app.get_footer().starts_with("Example:\n  grantd ")) << app.get_name();
  for (const auto* command : app.get_subcommands({})) expect_an_example(*command);
}

void expect_in(const std::string& page, const CLI::App& app) {
  for (const auto* option : app.get_options()) {
    if (option->get_positional() || option->get_lnames().front() == "help") continue;
    std::string name;
    for (const char c : option->get_lnames().front()) name += c == '-' ? "\\-" : std::string(1, c);
    EXPECT_NE(page.find("\\fB\\-\\-" + name + "\\fR"), std::string::npos) << name;
  }
  for (const auto* command : visible_commands(app)) expect_in(page, *command);
}

TEST(Documentation, TheCommittedManPageIsTheTrees) {
  EXPECT_EQ(testing::read_text(docs / "grantd.1"), render_man_page(make_tree()->root()));
}

TEST(Documentation, TheCommittedCompletionIsTheTrees) {
  EXPECT_EQ(testing::read_text(docs / "grantd.bash-completion"),
            render_bash_completion(make_tree()->root()));
}

TEST(Documentation, EveryHelpEndsWithAnExample) { expect_an_example(make_tree()->root()); }

TEST(Documentation, TheManPageKnowsEveryOption) {
  const auto tree = make_tree();
  expect_in(render_man_page(tree->root()), tree->root());
}

TEST(Documentation, TheManPageHasItsSections) {
  const auto page = render_man_page(make_tree()->root());
  for (const std::string section : {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS",
                                    "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES"}) {
    EXPECT_NE(page.find("\n.SH " + section + "\n"), std::string::npos) << section;
  }
}

TEST(Documentation, TheHiddenCommandIsNotShown) {
  EXPECT_EQ(make_tree()->root().help().find("documentation"), std::string::npos);
}

}  // namespace
}  // namespace grantd::cli
