#include "server/clients/registration.h"

#include <gtest/gtest.h>

namespace grantd::clients {
namespace {

using namespace std::chrono_literals;

const sys_seconds now{std::chrono::seconds(1'800'000'000)};

storage::ClientRecord sound() {
  storage::ClientRecord client;
  client.id = "billing";
  client.scopes = {"api:read"};
  client.audiences = {"https://api.example.com"};
  return client;
}

TEST(ClientId, IsVisibleAsciiWithInnerSpaces) {
  for (const auto* id : {"", "-a", " a", "a ", "a\tb", "\x7f", "\xc3\xa4"}) {
    EXPECT_FALSE(is_client_id(id)) << id;
  }
  EXPECT_FALSE(is_client_id(std::string(256, 'a')));
  for (const auto* id : {"a", "a b", "a:b%&+", "a-"}) EXPECT_TRUE(is_client_id(id)) << id;
  EXPECT_TRUE(is_client_id(std::string(255, 'a')));
}

TEST(ClientRegistration, EveryFaultIsReportedAtOnce) {
  auto client = sound();
  client.id = "-x";
  client.name = "a\nb";
  client.scopes = {"a b", "c", "c"};
  client.audiences = {"relative"};
  client.default_audiences = {"https://elsewhere.example"};
  client.serves = {"https://a#b"};
  client.token_lifetime = 2h;
  EXPECT_EQ(faults(client, 1h).size(), 8U);
  EXPECT_TRUE(faults(sound(), 1h).empty());
}

storage::SecretRecord secret(std::string id, sys_seconds created,
                             std::optional<sys_seconds> used = {}) {
  storage::SecretRecord record;
  record.secret_id = std::move(id);
  record.created_at = created;
  record.last_used_at = used;
  return record;
}

TEST(SafeToRemove, OnlyWhereAnotherValidSecretWasUsedAndThisOneNotForAWeek) {
  const auto old = now - 30 * 24h;
  EXPECT_FALSE(safe_to_remove({secret("a", old)}, "a", now));
  EXPECT_FALSE(safe_to_remove({secret("a", old), secret("b", old)}, "a", now));
  EXPECT_TRUE(safe_to_remove({secret("a", old), secret("b", old, now)}, "a", now));
  EXPECT_FALSE(
      safe_to_remove({secret("a", old, now - 7 * 24h + 1s), secret("b", old, now)}, "a", now));
  EXPECT_TRUE(safe_to_remove({secret("a", old, now - 7 * 24h), secret("b", old, now)}, "a", now));
}

TEST(SafeToRemove, NotWhereTheOtherOneHasExpired) {
  auto other = secret("b", now - 30 * 24h, now - 1h);
  other.expires_at = now;
  EXPECT_FALSE(safe_to_remove({secret("a", now - 30 * 24h), other}, "a", now));
}

TEST(SafeToRemove, NotWhileItIsBeingRolledOut) {
  EXPECT_FALSE(
      safe_to_remove({secret("new", now - 1h), secret("old", now - 30 * 24h, now)}, "new", now));
}

}  // namespace
}  // namespace grantd::clients
