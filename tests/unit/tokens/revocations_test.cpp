#include "server/tokens/revocations.h"

#include <gtest/gtest.h>

#include <random>

namespace grantd::tokens {
namespace {

using namespace std::chrono_literals;

const sys_seconds now{1'800'000'000s};

Claims token(std::string jti, std::string client = "a", sys_seconds iat = now) {
  Claims claims;
  claims.jti = std::move(jti);
  claims.client_id = std::move(client);
  claims.issued_at = iat;
  return claims;
}

std::string jti(std::mt19937_64& random) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (int i = 0; i < 32; ++i) text += digits[random() % 16];
  return text;
}

TEST(Revocations, HoldExactlyWhatWasRevoked) {
  std::mt19937_64 random(1);
  Revocations revocations;
  std::vector<std::string> revoked;
  std::vector<std::string> live;
  for (int i = 0; i < 20000; ++i) {
    revoked.push_back(jti(random));
    live.push_back(jti(random));
    revocations.revoke(revoked.back(), now + 1h);
    revocations.revoke(revoked.back(), now + 1h);
  }
  EXPECT_EQ(revocations.size(), revoked.size());
  for (const auto& id : revoked) EXPECT_TRUE(revocations.is_revoked(token(id)));
  for (const auto& id : live) EXPECT_FALSE(revocations.is_revoked(token(id)));
}

TEST(Revocations, HoldThemWhereRoomWasReservedForFewerOrMore) {
  for (const std::size_t room : {std::size_t{0}, std::size_t{10}, std::size_t{5000}}) {
    std::mt19937_64 random(room);
    Revocations revocations;
    const auto before = jti(random);
    revocations.revoke(before, now + 1h);
    revocations.reserve(room);
    std::vector<std::string> revoked{before};
    for (int i = 0; i < 3000; ++i) {
      revoked.push_back(jti(random));
      revocations.revoke(revoked.back(), now + 1h);
    }
    EXPECT_EQ(revocations.size(), revoked.size());
    for (const auto& id : revoked) EXPECT_TRUE(revocations.is_revoked(token(id)));
    EXPECT_FALSE(revocations.is_revoked(token(jti(random))));
  }
}

TEST(Revocations, AreSweptWhenTheyExpireAndNotBefore) {
  std::mt19937_64 random(2);
  Revocations revocations;
  const auto early = jti(random);
  const auto late = jti(random);
  revocations.revoke(early, now + 10s);
  revocations.revoke(late, now + 10s);
  revocations.revoke(late, now + 1h);
  revocations.sweep(now + 9s);
  EXPECT_TRUE(revocations.is_revoked(token(early)));
  revocations.sweep(now + 10s);
  EXPECT_FALSE(revocations.is_revoked(token(early)));
  EXPECT_TRUE(revocations.is_revoked(token(late)));
  EXPECT_EQ(revocations.size(), 1U);
}

TEST(Revocations, NotBeforeConcernsTokensIssuedUntilThenOfThatClient) {
  std::mt19937_64 random(3);
  const auto id = jti(random);
  Revocations revocations;
  revocations.set_not_before("a", now, now + 1h);
  revocations.set_not_before("a", now - 5s, now + 1h);
  EXPECT_TRUE(revocations.is_revoked(token(id, "a", now)));
  EXPECT_FALSE(revocations.is_revoked(token(id, "a", now + 1s)));
  EXPECT_FALSE(revocations.is_revoked(token(id, "b", now)));
  revocations.set_not_before("", now, now + 1h);
  EXPECT_TRUE(revocations.is_revoked(token(id, "b", now)));
  revocations.sweep(now + 1h);
  EXPECT_FALSE(revocations.is_revoked(token(id, "b", now)));
}

TEST(Revocations, ATokenWithAForeignJtiIsInactive) {
  const Revocations revocations;
  EXPECT_TRUE(revocations.is_revoked(token("not-one-of-ours")));
}

}  // namespace
}  // namespace grantd::tokens
