#include "server/cli/output.h"

#include <gtest/gtest.h>

namespace grantd::cli {
namespace {

using namespace std::chrono_literals;

TEST(OutputForPeople, AnObjectBecomesAlignedLines) {
  EXPECT_EQ(render_for_people({{"id", "a"}, {"enabled", true}, {"lifetime", nullptr}}, {}),
            "id        a\n"
            "enabled   yes\n"
            "lifetime  -\n");
}

TEST(OutputForPeople, AnArrayBecomesATableWithAHeader) {
  const Document rows = {{{"id", "a"}, {"name", "Ä"}, {"extra", 1}},
                         {{"id", "long"}, {"name", "b"}, {"extra", 2}}};
  EXPECT_EQ(render_for_people(rows, {"name", "id"}),
            "name  id\n"
            "Ä     a\n"
            "b     long\n");
}

TEST(OutputForPeople, AnEmptyTableStillHasItsHeader) {
  EXPECT_EQ(render_for_people(Document::array(), {"kid", "state"}), "kid  state\n");
}

TEST(OutputForPeople, AListIsSpaceSeparated) {
  EXPECT_EQ(render_for_people({{"audiences", {"a", "b"}}, {"serves", Document::array()}}, {}),
            "audiences  a b\n"
            "serves     -\n");
}

TEST(OutputForPeople, AnInnerObjectIsShownByPath) {
  EXPECT_EQ(render_for_people({{"header", {{"alg", "none"}}}}, {}), "header.alg  none\n");
}

TEST(OutputForPeople, ControlSequencesDoNotReachTheTerminal) {
  const auto text = render_for_people({{"\x1b]0;", "\x1b[31m\n\xc2\x9b"}}, {});
  EXPECT_EQ(text, "\\u001b]0;  \\u001b[31m\\u000a\\u009b\n");
}

TEST(OutputForPrograms, OctetsThatAreNoUtf8DoNotThrow) {
  EXPECT_EQ(render_json({{"a", "\xff"}}), "{\n  \"a\": \"\xef\xbf\xbd\"\n}\n");
}

TEST(OutputForPrograms, TimesAreRfc3339) {
  EXPECT_EQ(time_or_null(sys_seconds(1769860800s)), "2026-01-31T12:00:00Z");
  EXPECT_TRUE(time_or_null(std::nullopt).is_null());
}

}  // namespace
}  // namespace grantd::cli
