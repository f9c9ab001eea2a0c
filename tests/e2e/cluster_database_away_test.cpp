// Nodes whose PostgreSQL does not answer: what goes on, for how long, and that all comes back by
// itself.
#include <gtest/gtest.h>

#include <thread>

#include "server/jose/base64url.h"
#include "tests/support/test_cluster.h"

namespace grantd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::chrono::seconds grace{4};

/// How a database goes away, and comes back.
struct Away {
  std::string name{};
  void (*leave)(PostgresServer&){nullptr};
  void (*come_back)(PostgresServer&){nullptr};
};

std::ostream& operator<<(std::ostream& out, const Away& away) { return out << away.name; }

class DatabaseAway : public ::testing::TestWithParam<Away> {
 protected:
  static json config() {
    return {{"storage",
             {{"offline_grace", std::to_string(grace.count()) + "s"},
              {"connect_timeout", "500ms"},
              {"statement_timeout", "500ms"}}},
            {"keys", {{"publish_before", "10s"}, {"jwks_max_age", "1s"}}},
            {"tokens", {{"clock_skew", "1s"}}}};
  }

  DatabaseAway() {
    first.add_client("cached");
    first.add_client("uncached");
    token = first.token_for("cached");
    static_cast<void>(second.token_for("cached"));
    EXPECT_TRUE(second.is_active(token, "cached"));
    away_since = steady_clock::now();
    GetParam().leave(postgres);
  }

  /// Not in the moment of the outage: what was read just before is fresh for `limits.staleness`.
  static void expect_unavailable(const HttpResponse& response) {
    EXPECT_EQ(response.status, 503) << response.body;
    EXPECT_TRUE(response.has_header("Retry-After"));
    EXPECT_EQ(json::parse(response.body).at("error"), "temporarily_unavailable");
  }
  static int ready(const TestServer& node) {
    return node.connect_ops().request("GET", "/readyz").status;
  }
  static int jwks_status(const TestServer& node) {
    return node.get("/.well-known/jwks.json").status;
  }
  void sleep_until(milliseconds since_away) const {
    std::this_thread::sleep_until(away_since + since_away);
  }

  PostgresServer postgres;
  TestCluster cluster{{.nodes = 2, .config = config(), .postgres_url = postgres.create_database()}};
  TestServer& first = cluster.node(0);
  TestServer& second = cluster.node(1);
  std::string token;
  steady_clock::time_point away_since{};
};

TEST_P(DatabaseAway, TokensGoOnFromTheCacheForAGraceAndThenStop) {
  sleep_until(milliseconds{1500});
  for (auto* node : {&first, &second}) {
    EXPECT_EQ(node->token("cached").status, 200);
    EXPECT_EQ(jwks_status(*node), 200);
    EXPECT_EQ(ready(*node), 200);
  }
  ASSERT_LT(steady_clock::now(), away_since + grace) << "this machine is too slow for the test";
  sleep_until(grace + milliseconds{1500});
  for (auto* node : {&first, &second}) {
    expect_unavailable(node->token("cached"));
    EXPECT_EQ(jwks_status(*node), 503);
    EXPECT_EQ(ready(*node), 503);
    EXPECT_EQ(node->connect_ops().request("GET", "/healthz").status, 200);
  }
}

TEST_P(DatabaseAway, AClientThatIsNotCachedGets503AndNever401) {
  for (int i = 0; i < 3; ++i) {
    for (auto* node : {&first, &second}) {
      expect_unavailable(node->token("uncached"));
      expect_unavailable(node->post("/token", client_credentials, {},
                                    {{"Authorization", basic("unknown", "of-whatever-length")}}));
    }
  }
}

TEST_P(DatabaseAway, IntrospectionAndRevocationAre503) {
  expect_unavailable(first.revoke(token, "cached"));
  sleep_until(milliseconds{1500});
  for (auto* node : {&first, &second}) {
    expect_unavailable(node->introspect(token, "cached"));
    expect_unavailable(node->revoke(token, "cached"));
  }
}

/// As a node sees a token that another one signed with a key that it has not heard of.
std::string with_another_kid(const std::string& token) {
  auto header = decode(token).header;
  header["kid"] = "published-meanwhile";
  return jose::base64url(header.dump()) + token.substr(token.find('.'));
}

TEST_P(DatabaseAway, ARevocationOfATokenWhoseKeyIsNotKnownIs503) {
  const auto unknown = with_another_kid(token);
  sleep_until(milliseconds{1500});
  for (auto* node : {&first, &second}) expect_unavailable(node->revoke(unknown, "cached"));
  GetParam().come_back(postgres);
  // RFC 7009 §2.2: a node that knows all keys may say that there is nothing to revoke.
  for (auto* node : {&first, &second}) {
    EXPECT_TRUE(
        TestServer::eventually([&] { return node->revoke(unknown, "cached").status == 200; }));
  }
}

TEST_P(DatabaseAway, AllIsBackByItselfAndTheAlarmWasGivenOnce) {
  sleep_until(grace + milliseconds{1500});
  EXPECT_EQ(ready(first), 503);
  EXPECT_NE(first.metrics().find("\ngrantd_storage_available 0\n"), std::string::npos);
  GetParam().come_back(postgres);
  const auto back_since = steady_clock::now();
  for (auto* node : {&first, &second}) {
    EXPECT_TRUE(TestServer::eventually([&] { return ready(*node) == 200; }));
    EXPECT_EQ(node->token("cached").status, 200);
    EXPECT_EQ(node->token("uncached").status, 200);
    EXPECT_EQ(jwks_status(*node), 200);
  }
  EXPECT_LT(steady_clock::now() - back_since, std::chrono::seconds{5});
  EXPECT_TRUE(second.is_active(token, "cached")) << "what was refused was not done";
  EXPECT_EQ(first.revoke(token, "cached").status, 200);
  EXPECT_TRUE(TestServer::eventually([&] { return !second.is_active(token, "cached"); }));
  for (auto* node : {&first, &second}) {
    EXPECT_NE(node->metrics().find("\ngrantd_storage_available 1\n"), std::string::npos);
    EXPECT_EQ(node->metrics().find("\ngrantd_storage_failures_total 0\n"), std::string::npos);
    EXPECT_EQ(node->log_lines("storage_unavailable").size(), 1U);
    EXPECT_EQ(node->log_lines("storage_grace_over").size(), 1U);
    EXPECT_EQ(node->log_lines("storage_back").size(), 1U);
  }
}

TEST_P(DatabaseAway, WhatAnotherNodeDidMeanwhileIsCaughtUp) {
  // Only these nodes lose the database: it is the command that finds it back first.
  sleep_until(milliseconds{1500});
  GetParam().come_back(postgres);
  first.command_json({"client", "disable", "cached"});
  const auto since = steady_clock::now();
  for (auto* node : {&first, &second}) {
    EXPECT_TRUE(TestServer::eventually([&] { return node->token("cached").status == 401; }));
  }
  EXPECT_LT(steady_clock::now() - since, std::chrono::seconds{3});
}

INSTANTIATE_TEST_SUITE_P(
    Each, DatabaseAway,
    ::testing::Values(Away{.name = "Stopped",
                           .leave = [](PostgresServer& server) { server.stop(); },
                           .come_back = [](PostgresServer& server) { server.start(); }},
                      Away{.name = "Silent",
                           .leave = [](PostgresServer& server) { server.pause(); },
                           .come_back = [](PostgresServer& server) { server.resume(); }},
                      Away{.name = "Killed",
                           .leave = [](PostgresServer& server) { server.kill(); },
                           .come_back = [](PostgresServer& server) { server.start(); }}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace grantd::testing
