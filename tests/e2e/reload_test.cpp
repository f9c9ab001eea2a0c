// A running server and its configuration: reloads under load, broken files, what only a restart
// changes.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <set>
#include <thread>

#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

/// The value of a metric's line without labels.
std::int64_t metric(const TestServer& server, const std::string& name) {
  const auto text = "\n" + server.metrics();
  const auto line = text.find("\n" + name + " ");
  return line == std::string::npos ? -1 : std::stoll(text.substr(line + name.size() + 2));
}

/// Gets tokens on one connection, and looks at the JWKS behind each of them.
class Fetcher {
 public:
  explicit Fetcher(const TestServer& server) : server_(server), connection_(server.connect()) {}

  void fetch_and_verify() {
    const auto response =
        connection_.request("POST", "/token",
                            {{"Authorization", basic("c1", server_.secret("c1"))},
                             {"Content-Type", "application/x-www-form-urlencoded"}},
                            client_credentials);
    const auto jwks = connection_.request("GET", "/.well-known/jwks.json");
    if (response.status != 200 || jwks.status != 200) {
      ++failures;
      return;
    }
    const auto token = json::parse(response.body).at("access_token").get<std::string>();
    if (!verifies(token, json::parse(jwks.body))) ++failures;
    kids.insert(decode(token).header.at("kid"));
  }

  int failures{0};
  std::set<std::string> kids;

 private:
  const TestServer& server_;
  TlsClient connection_;
};

TEST(ReloadUnderLoad, DropsNothingWhileKeysRotate) {  // R73
  constexpr int connections = 20;
  constexpr int reloads = 50;
  constexpr int least_tokens = 2000;
  TestServer server{
      {.config = {
           {"keys", {{"rotate_every", "1s"}, {"publish_before", "1s"}, {"jwks_max_age", "1s"}}}}}};
  server.add_client("c1");

  std::atomic<int> tokens{0};
  std::atomic<int> failures{0};
  std::atomic<bool> reloaded{false};
  std::mutex mutex;
  std::set<std::string> kids;
  std::vector<std::jthread> threads;
  threads.reserve(connections);
  for (int i = 0; i < connections; ++i) {
    threads.emplace_back([&] {
      Fetcher fetcher(server);
      while (!reloaded || tokens < least_tokens) {
        fetcher.fetch_and_verify();
        ++tokens;
      }
      failures += fetcher.failures;
      const std::lock_guard lock(mutex);
      kids.insert(fetcher.kids.begin(), fetcher.kids.end());
    });
  }
  for (int i = 1; i <= reloads; ++i) {
    auto config = server.config();
    config["tokens"] = {{"lifetime", std::to_string(100 + i) + "s"}};
    server.write_config(config);
    server.signal(SIGHUP);
    EXPECT_TRUE(
        TestServer::eventually([&] { return metric(server, "grantd_config_reloads_total") >= i; }));
  }
  reloaded = true;
  threads.clear();

  EXPECT_GE(tokens, least_tokens);
  EXPECT_EQ(failures, 0);
  EXPECT_GT(kids.size(), 1U) << "no key rotated meanwhile";
  EXPECT_EQ(metric(server, "grantd_config_reload_failures_total"), 0);
  EXPECT_EQ(json::parse(server.token("c1").body).at("expires_in"), 150);
}

TEST(BrokenConfiguration, AllFaultsAreReportedInOneGo) {
  TestServer server{{.start = false}};
  auto config = server.config();
  config["issuer"] = "http://auth.example.com";
  config["limits"] = {{"request_body", "lots"}, {"idle_timout", "60s"}};
  config["tokens"] = {{"lifetime", 300}};
  config["keys"]["publish_before"] = "1s";
  config["keys"]["jwks_max_age"] = "5m";
  server.write_config(config);
  const auto checked = run({GRANTD_BINARY, "config", "check", "--config", server.config_file()});
  EXPECT_EQ(checked.status, 2);
  for (const auto* path : {"issuer", "limits.request_body", "limits.idle_timout", "tokens.lifetime",
                           "keys.publish_before"}) {
    EXPECT_NE(checked.err.find(path), std::string::npos) << path << "\n" << checked.err;
  }
  const auto served = run({GRANTD_BINARY, "serve", "--config", server.config_file()});
  EXPECT_EQ(served.status, 2);
  EXPECT_NE(served.err.find("limits.idle_timout"), std::string::npos);
}

TEST(BrokenConfiguration, CheckSeesWhatOnlyTheDatabaseTells) {
  TestServer server;
  server.add_client("c1");
  const auto kid = decode(server.token_for("c1")).header.at("kid").get<std::string>();
  server.command_json({"key", "retire", kid, "--now"});
  EXPECT_EQ(server.command({"config", "check"}).status, 0);

  auto config = server.config();
  config["keys"]["signing_key"] = kid;
  server.write_config(config);
  const auto pepper = read_text(server.directory() / "pepper");
  write_text(server.directory() / "pepper", std::string(64, 'c') + "\n");
  const auto checked = server.command({"config", "check"});
  EXPECT_EQ(checked.status, 2);
  EXPECT_NE(checked.err.find("storage.pepper_file"), std::string::npos) << checked.err;
  EXPECT_NE(checked.err.find("keys.signing_key"), std::string::npos) << checked.err;
  write_text(server.directory() / "pepper", pepper);
}

TEST(BrokenConfiguration, AReloadKeepsTheServerOnTheOldOne) {
  TestServer server;
  server.add_client("c1");
  const auto good = server.config();
  auto broken = good;
  broken["tokens"] = {{"lifetime", "2h"}, {"max_lifetime", "1h"}};
  broken["unknown"] = 1;
  server.write_config(broken);
  server.signal(SIGHUP);
  ASSERT_TRUE(TestServer::eventually(
      [&] { return metric(server, "grantd_config_reload_failures_total") == 1; }));
  EXPECT_EQ(json::parse(server.token("c1").body).at("expires_in"), 300);
  ASSERT_TRUE(
      TestServer::eventually([&] { return server.log_lines("reload_failed").size() == 1; }));
  EXPECT_EQ(server.log_lines("reload_fault").size(), 2U);

  server.write_config(good);
  server.signal(SIGHUP);
  EXPECT_TRUE(
      TestServer::eventually([&] { return metric(server, "grantd_config_reloads_total") == 1; }));
}

TEST(BrokenConfiguration, ABrokenCertificateKeepsTheOldOneAndTheRest) {
  TestServer server;
  server.add_client("c1");
  auto config = server.config();
  config["tokens"] = {{"lifetime", "1m"}};
  server.write_config(config);
  write_text(server.directory() / "server.crt", "garbage", 0644);
  server.signal(SIGHUP);
  ASSERT_TRUE(TestServer::eventually(
      [&] { return metric(server, "grantd_config_reload_failures_total") == 1; }));
  EXPECT_EQ(json::parse(server.token("c1").body).at("expires_in"), 300) << "all or nothing";
}

TEST(Reload, NamesWhatOnlyARestartChangesAndAppliesTheRest) {
  TestServer server;
  server.add_client("c1");
  auto config = server.config();
  config["issuer"] = "https://other.example.com";
  config["tokens"] = {{"lifetime", "1m"}};
  server.write_config(config);
  server.signal(SIGHUP);
  ASSERT_TRUE(TestServer::eventually([&] { return !server.log_lines("reload").empty(); }));
  const auto named = server.log_lines("reload_needs_restart");
  ASSERT_EQ(named.size(), 1U);
  EXPECT_EQ(named.front().at("key"), "issuer");
  const auto token = decode(server.token_for("c1"));
  EXPECT_EQ(token.claims.at("iss"), "https://auth.example.com");
  EXPECT_EQ(token.claims.at("exp").get<int>() - token.claims.at("iat").get<int>(), 60);
}

TEST(Reload, ANewPepperIsTakenWithoutARestart) {
  TestServer server;
  server.add_client("c1");
  const auto old_pepper = read_text(server.directory() / "pepper");
  write_text(server.directory() / "pepper", std::string(64, 'a') + "\n" + old_pepper);
  server.signal(SIGHUP);
  ASSERT_TRUE(
      TestServer::eventually([&] { return metric(server, "grantd_config_reloads_total") == 1; }));
  server.add_client("c2");
  EXPECT_EQ(server.token("c1").status, 200);
  EXPECT_EQ(server.token("c2").status, 200);

  // A file that lacks a line in use is refused, and what runs stays in force.
  write_text(server.directory() / "pepper", std::string(64, 'b') + "\n");
  server.signal(SIGHUP);
  ASSERT_TRUE(TestServer::eventually(
      [&] { return metric(server, "grantd_config_reload_failures_total") == 1; }));
  EXPECT_EQ(server.token("c1").status, 200);
  write_text(server.directory() / "pepper", old_pepper);
}

}  // namespace
}  // namespace grantd::testing
