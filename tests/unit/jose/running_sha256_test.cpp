// SHA-256 of what comes in parts is that of the whole.
#include "server/jose/running_sha256.h"

#include <gtest/gtest.h>

#include <string>

namespace grantd::jose {
namespace {

TEST(RunningSha256, OfPartsIsThatOfTheWhole) {
  RunningSha256 running;
  for (const auto* part : {"ab", "", "c"}) running.add(part);
  EXPECT_EQ(running.finish(), sha256("abc"));
}

TEST(RunningSha256, OfNothingIsThatOfTheEmptyMessage) {
  RunningSha256 running;
  EXPECT_EQ(running.finish(), sha256(""));
}

TEST(RunningSha256, LongerMessagesThanOneBlock) {
  std::string whole;
  RunningSha256 running;
  for (int i = 0; i < 1000; ++i) {
    const std::string part(static_cast<std::size_t>(i % 131), static_cast<char>(i));
    whole += part;
    running.add(part);
  }
  EXPECT_EQ(running.finish(), sha256(whole));
}

}  // namespace
}  // namespace grantd::jose
