// RFC 7517, RFC 7518 §6.3, RFC 7638; R12, R68 to R76.
#include <gtest/gtest.h>

#include <csignal>
#include <set>

#include "server/jose/base64url.h"
#include "server/jose/mac.h"
#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

const std::string path = "/.well-known/jwks.json";

TEST(Rfc7517Jwks, HoldsPublicMembersAlone) {  // R68, R69, R70, R71, R72
  const TestServer server{{.config = {{"keys", {{"rotate_every", "30d"}}}}}};
  const auto response = server.get(path);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Type"), "application/json");
  const auto keys = json::parse(response.body).at("keys");
  ASSERT_EQ(keys.size(), 2U) << "the signing key and its standby";
  std::set<std::string> kids;
  for (const auto& key : keys) {
    std::set<std::string> members;
    for (const auto& [name, value] : key.items()) members.insert(name);
    EXPECT_EQ(members, (std::set<std::string>{"kty", "use", "alg", "kid", "n", "e"}));
    EXPECT_EQ(key.at("use"), "sig");
    EXPECT_EQ(key.at("alg"), "RS256");
    const auto modulus = jose::base64url_decode(key.at("n").get<std::string>());
    ASSERT_TRUE(modulus);
    EXPECT_GE(modulus->size(), 256U);
    EXPECT_NE(modulus->front(), '\0');
    const json thumbprint{{"e", key.at("e")}, {"kty", "RSA"}, {"n", key.at("n")}};
    EXPECT_EQ(key.at("kid"), jose::base64url(jose::sha256(thumbprint.dump())));
    kids.insert(key.at("kid"));
  }
  EXPECT_EQ(kids.size(), 2U);
}

TEST(Rfc7517Jwks, OnlyGetAndHeadAreTaken) {  // R12
  const TestServer server;
  const auto response = server.connect().request("POST", path, {}, "x");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.header("Allow"), "GET, HEAD");
  auto connection = server.connect();
  connection.send_raw("HEAD " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto head = connection.read_response(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), std::to_string(server.get(path).body.size()));
  EXPECT_EQ(connection.request("GET", path).status, 200) << "the connection goes on";
}

TEST(Rfc7517Jwks, MayBeCachedAndRevalidated) {  // R76
  const TestServer server;
  const auto first = server.get(path);
  EXPECT_EQ(first.header("Cache-Control"), "public, max-age=300");
  const auto etag = first.header("ETag");
  ASSERT_FALSE(etag.empty());
  for (const auto& condition : {etag, "W/" + etag, "\"x\", " + etag, std::string("*")}) {
    const auto again = server.get(path, {{"If-None-Match", condition}});
    EXPECT_EQ(again.status, 304) << condition;
    EXPECT_TRUE(again.body.empty());
    EXPECT_EQ(again.header("ETag"), etag);
  }
  EXPECT_EQ(server.get(path, {{"If-None-Match", "\"other\""}}).status, 200);
}

class Rfc7517Rotation : public ::testing::Test {
 protected:
  Rfc7517Rotation() { server.add_client("c1"); }

  void SetUp() override {
    if (!clock_can_be_turned) GTEST_SKIP() << "no libfaketime under a sanitizer";
  }

  std::set<std::string> published() {
    std::set<std::string> kids;
    const auto jwks = server.jwks();
    for (const auto& key : jwks.at("keys")) kids.insert(key.at("kid"));
    return kids;
  }
  std::string signing() { return decode(server.token_for("c1")).header.at("kid"); }

  const sys_seconds began =
      std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  TestServer server{
      {.config = {{"keys",
                   {{"rotate_every", "1d"}, {"publish_before", "15m"}, {"jwks_max_age", "5m"}}},
                  {"tokens", {{"max_lifetime", "1h"}, {"clock_skew", "30s"}}}},
       .turnable_clock = true}};
};

TEST_F(Rfc7517Rotation, TheNextKeyIsPublishedBeforeItSignsAndTheOldOneStays) {  // R73, R74, R75
  using namespace std::chrono_literals;
  const auto first = signing();
  const auto at_start = published();
  ASSERT_EQ(at_start.size(), 2U);
  const auto old_token = server.token_for("c1");

  server.turn_clock(began + 24h + 1min);
  ASSERT_TRUE(TestServer::eventually([&] { return signing() != first; }));
  EXPECT_TRUE(at_start.contains(signing())) << "only a key that was published before signs";
  EXPECT_TRUE(published().contains(first));
  EXPECT_TRUE(verifies(old_token, server.jwks()));
  EXPECT_TRUE(verifies(server.token_for("c1"), server.jwks()));

  server.turn_clock(began + 24h + 1min + 1h);
  EXPECT_TRUE(published().contains(first)) << "its last token may still live";
  server.turn_clock(began + 24h + 2min + 1h + 30s + 10s);
  EXPECT_TRUE(TestServer::eventually([&] { return !published().contains(first); }));
}

TEST_F(Rfc7517Rotation, AnOperatorsKeySignsWhenItsTimeHasCome) {  // R74
  using namespace std::chrono_literals;
  const auto first = signing();
  const auto kid = server.command_json({"key", "generate"}).at("kid").get<std::string>();
  ASSERT_TRUE(TestServer::eventually([&] { return published().contains(kid); }));
  EXPECT_EQ(signing(), first);
  server.turn_clock(began + 17min);
  EXPECT_TRUE(TestServer::eventually([&] { return signing() == kid; }));
}

TEST_F(Rfc7517Rotation, ALeakedKeyIsGoneAtOnceAndItsTokensAreInactive) {
  const auto leaked = signing();
  const auto token = server.token_for("c1");
  EXPECT_TRUE(server.is_active(token, "c1"));
  server.command_json({"key", "retire", leaked, "--now"});
  EXPECT_TRUE(TestServer::eventually([&] { return !published().contains(leaked); }));
  EXPECT_NE(signing(), leaked);
  EXPECT_FALSE(server.is_active(token, "c1"));
  EXPECT_TRUE(std::filesystem::exists(server.directory() / "keys" / "retired"));
}

TEST_F(Rfc7517Rotation, EverythingIsAsBeforeAfterARestart) {
  const auto first = signing();
  const auto before = published();
  server.stop();
  server.start();
  EXPECT_EQ(signing(), first);
  EXPECT_EQ(published(), before);
}

}  // namespace
}  // namespace grantd::testing
