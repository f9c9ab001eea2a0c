// What was acknowledged is there after a crash; what storage cannot take now is not acknowledged.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <csignal>
#include <random>
#include <span>
#include <thread>

#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

namespace fs = std::filesystem;

std::string integrity_of(const fs::path& database) {
  sqlite3* connection = nullptr;
  sqlite3_open_v2(database.c_str(), &connection, SQLITE_OPEN_READWRITE, nullptr);
  std::string result;
  sqlite3_exec(
      connection, "PRAGMA integrity_check",
      [](void* out, int, char** values, char**) {
        *static_cast<std::string*>(out) += values[0];
        return 0;
      },
      &result, nullptr);
  sqlite3_close(connection);
  return result;
}

TEST(KillMinusNine, LosesNoAcknowledgedRevocation) {
  constexpr int rounds = 50;
  constexpr std::size_t tokens_a_round = 12;
  TestServer server;
  server.add_client("c1");
  std::mt19937 random(7);
  std::vector<std::string> acknowledged;

  for (int round = 0; round < rounds; ++round) {
    std::vector<std::string> tokens;
    tokens.reserve(tokens_a_round);
    for (std::size_t i = 0; i < tokens_a_round; ++i) tokens.push_back(server.token_for("c1"));
    // Killed from beside, while the next revocations are under way.
    const auto kill_after = random() % tokens_a_round;
    std::vector<std::string> done;
    std::atomic<std::size_t> count{0};
    std::jthread killer([&] {
      while (count < kill_after) std::this_thread::yield();
      server.signal(SIGKILL);
    });
    try {
      for (const auto& token : tokens) {
        if (server.revoke(token, "c1").status != 200) break;
        done.push_back(token);
        ++count;
      }
    } catch (const std::runtime_error&) {
      // The connection ended with the server: this one was not acknowledged.
    }
    count = tokens_a_round;
    killer.join();
    server.kill();
    acknowledged.insert(acknowledged.end(), done.begin(), done.end());
    server.start();
    for (const auto& token : done) EXPECT_FALSE(server.is_active(token, "c1"));
  }
  EXPECT_GT(acknowledged.size(), 100U);
  for (const auto& token : acknowledged) EXPECT_FALSE(server.is_active(token, "c1"));
  server.stop();
  EXPECT_EQ(integrity_of(server.directory() / "grantd.db"), "ok");
}

/// The tokens of `tokens` whose revocation was acknowledged over one connection, counted in
/// `count`; ends with the server.
std::vector<std::string> revoke_over_one_connection(const TestServer& server,
                                                    std::span<const std::string> tokens,
                                                    std::atomic<std::size_t>& count) {
  std::vector<std::string> done;
  try {
    auto connection = server.connect();
    for (const auto& token : tokens) {
      const auto response =
          connection.request("POST", "/revoke",
                             {{"Authorization", basic("c1", server.secret("c1"))},
                              {"Content-Type", "application/x-www-form-urlencoded"}},
                             "token=" + token);
      if (response.status != 200) break;
      done.push_back(token);
      ++count;
    }
  } catch (const std::runtime_error&) {
    // The connection ended with the server: this one was not acknowledged.
  }
  return done;
}

TEST(KillMinusNine, LosesNoneOfARevokedGroup) {
  constexpr int rounds = 5;
  constexpr std::size_t connections = 16;
  constexpr std::size_t tokens_a_connection = 20;
  TestServer server;
  server.add_client("c1");
  std::mt19937 random(7);
  std::size_t acknowledged = 0;
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::string> tokens;
    for (std::size_t i = 0; i < connections * tokens_a_connection; ++i) {
      tokens.push_back(server.token_for("c1"));
    }
    const auto kill_after = connections + random() % (tokens.size() / 2);
    std::atomic<std::size_t> count{0};
    std::vector<std::vector<std::string>> done(connections);
    {
      std::vector<std::jthread> callers;
      callers.reserve(connections);
      for (std::size_t i = 0; i < connections; ++i) {
        callers.emplace_back(
            [&, mine = std::span(tokens).subspan(i * tokens_a_connection, tokens_a_connection),
             &acknowledged_here = done[i]] {
              acknowledged_here = revoke_over_one_connection(server, mine, count);
            });
      }
      while (count < kill_after) std::this_thread::yield();
      server.signal(SIGKILL);
    }
    server.kill();
    server.start();
    for (const auto& of_one : done) {
      acknowledged += of_one.size();
      for (const auto& token : of_one) EXPECT_FALSE(server.is_active(token, "c1"));
    }
  }
  EXPECT_GT(acknowledged, rounds * connections);
  server.stop();
  EXPECT_EQ(integrity_of(server.directory() / "grantd.db"), "ok");
}

class StorageAway : public ::testing::Test {
 protected:
  StorageAway() {
    server.add_client("cached");
    server.add_client("uncached");
    token = server.token_for("cached");
    fs::rename(database, away);
    EXPECT_TRUE(TestServer::eventually([&] { return ready() == 503; }));
  }
  int ready() { return server.connect_ops().request("GET", "/readyz").status; }
  static void expect_unavailable(const HttpResponse& response) {
    EXPECT_EQ(response.status, 503) << response.body;
    EXPECT_TRUE(response.has_header("Retry-After"));
    EXPECT_EQ(json::parse(response.body).at("error"), "temporarily_unavailable");
  }

  TestServer server;
  const fs::path database = server.directory() / "grantd.db";
  const fs::path away = server.directory() / "away.db";
  std::string token;
};

TEST_F(StorageAway, IsAnswered503AndNever401) {
  expect_unavailable(server.token("uncached"));
  expect_unavailable(server.revoke(token, "cached"));
  EXPECT_EQ(server.token("cached").status, 200) << "a cached client goes on";
  EXPECT_TRUE(server.is_active(token, "cached")) << "what was not acknowledged is not revoked";
  EXPECT_EQ(server.connect_ops().request("GET", "/healthz").status, 200);
  EXPECT_TRUE(
      TestServer::eventually([&] { return server.log_lines("storage_unavailable").size() == 1; }));
  fs::rename(away, database);
}

TEST_F(StorageAway, NobodyOfAGroupIsAcknowledged) {
  std::vector<std::jthread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([this] { expect_unavailable(server.revoke(token, "cached")); });
  }
  callers.clear();
  EXPECT_TRUE(server.is_active(token, "cached"));
  fs::rename(away, database);
  EXPECT_TRUE(TestServer::eventually([&] { return ready() == 200; }));
  EXPECT_TRUE(server.is_active(token, "cached")) << "nor is anything of it written later";
}

TEST_F(StorageAway, IsBackByItself) {
  fs::rename(away, database);
  EXPECT_TRUE(TestServer::eventually([&] { return ready() == 200; }));
  EXPECT_EQ(server.token("uncached").status, 200);
  EXPECT_EQ(server.revoke(token, "cached").status, 200);
  EXPECT_FALSE(server.is_active(token, "cached"));
  EXPECT_TRUE(TestServer::eventually([&] { return server.log_lines("storage_back").size() == 1; }));
}

TEST(LastUsedTimes, AreWrittenOffTheRequestPath) {
  TestServer server;
  server.add_client("c1");
  EXPECT_TRUE(server.command_json({"secret", "list", "c1"}).at(0).at("last_used_at").is_null());
  static_cast<void>(server.token_for("c1"));
  server.stop();
  EXPECT_FALSE(server.command_json({"secret", "list", "c1"}).at(0).at("last_used_at").is_null());
}

}  // namespace
}  // namespace grantd::testing
