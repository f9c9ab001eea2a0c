#include "server/base/secret.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

namespace grantd {
namespace {

static_assert(!std::is_copy_constructible_v<SecretString>);
static_assert(!std::is_copy_assignable_v<SecretString>);

TEST(Cleanse, OverwritesAllOfTheCapacityAndEmptiesTheString) {
  std::string text(100, 's');
  text.resize(40);  // The other 60 are still in memory, past the end.

  cleanse(text);

  EXPECT_TRUE(text.empty());
  ASSERT_GE(text.capacity(), 100U);
  // Shows what the memory holds: nothing is written by this.
  text.resize_and_overwrite(100, [](const char*, std::size_t size) { return size; });
  EXPECT_EQ(text, std::string(100, '\0'));
}

TEST(SecretString, CleansesWhatItWasMadeFrom) {
  std::string text = "short";
  const SecretString secret(std::move(text));
  EXPECT_EQ(secret.view(), "short");
  EXPECT_TRUE(text.empty());  // NOLINT(bugprone-use-after-move): that is what is promised
}

TEST(SecretString, MovesWithoutLeavingACopy) {
  SecretString from(std::string_view("short"));
  SecretString to(std::string_view("another secret, too long to be kept inline"));
  to = std::move(from);
  EXPECT_EQ(to.view(), "short");
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is what is promised

  const SecretString third(std::move(to));
  EXPECT_EQ(third.view(), "short");
  EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move): that is what is promised
}

TEST(SecretString, SurvivesAssignmentToItself) {
  SecretString secret(std::string_view("itself"));
  SecretString& alias = secret;
  secret = std::move(alias);
  EXPECT_EQ(secret.view(), "itself");
}

}  // namespace
}  // namespace grantd
