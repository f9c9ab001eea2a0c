#include "storage/names.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace grantd::storage {
namespace {

TEST(StoredNames, EveryChangeKindIsReadBackFromItsName) {
  std::set<std::string_view> seen;
  for (int i = 0; i <= static_cast<int>(ChangeKind::key_changed); ++i) {
    const auto kind = static_cast<ChangeKind>(i);
    EXPECT_EQ(change_kind(name(kind)), kind);
    seen.insert(name(kind));
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(ChangeKind::key_changed) + 1);
}

TEST(StoredNames, AuthMethodsAreThoseOfRfc7591) {
  EXPECT_EQ(auth_method("client_secret_basic"), AuthMethod::client_secret_basic);
  EXPECT_EQ(auth_method("client_secret_post"), AuthMethod::client_secret_post);
}

TEST(StoredNames, OtherWordsAreNone) {
  EXPECT_EQ(change_kind(""), std::nullopt);
  EXPECT_EQ(change_kind("Client_created"), std::nullopt);
  EXPECT_EQ(auth_method("none"), std::nullopt);
}

}  // namespace
}  // namespace grantd::storage
