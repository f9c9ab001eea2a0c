// `grantd serve --dev`: from nothing to a token.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "tests/support/installation.h"
#include "tests/support/test_server.h"
#include "tests/support/tls_client.h"

namespace grantd::testing {
namespace {

namespace fs = std::filesystem;

const ProcessEnvironment any_ports{{"GRANTD_LISTEN__PORT", "0"}, {"GRANTD_OPS__PORT", "0"}};

class DevelopmentServer : public ::testing::Test {
 protected:
  struct Lines {
    std::string user;  // "demo:gds_…"
    std::uint16_t port{0};
  };

  [[nodiscard]] fs::path directory() const { return temporary_ / "dev"; }
  [[nodiscard]] Arguments command() const {
    return {GRANTD_BINARY, "serve", "--dev", "--dir", directory().string()};
  }
  /// Out of what it prints for people to try.
  static Lines lines_of(Process& server) {
    const auto text = server.wait_for_err("client list --config");
    std::smatch found;
    static const std::regex pattern("-u '(demo:gds_[^']+)' .* https://localhost:([0-9]+)/token");
    if (!std::regex_search(text, found, pattern)) throw std::runtime_error(text);
    return {found[1], static_cast<std::uint16_t>(std::stoi(found[2]))};
  }
  [[nodiscard]] HttpResponse token(const Lines& lines) const {
    const auto colon = lines.user.find(':');
    TlsClient client("localhost", lines.port, (directory() / "ca.crt").string());
    return client.request(
        "POST", "/token",
        {{"Content-Type", "application/x-www-form-urlencoded"},
         {"Authorization", basic(lines.user.substr(0, colon), lines.user.substr(colon + 1))}},
        client_credentials);
  }
  [[nodiscard]] nlohmann::json json(Arguments arguments) const {
    arguments.insert(arguments.end(),
                     {"--json", "--config", (directory() / "grantd.json").string()});
    return nlohmann::json::parse(grantd(arguments).out);
  }

 private:
  TempDir temporary_;
};

TEST_F(DevelopmentServer, MakesEverythingAndGivesAToken) {
  Process server(command(), any_ports);
  const auto lines = lines_of(server);
  EXPECT_NE(server.wait_for_err("NOT FOR PRODUCTION").find("curl --cacert"), std::string::npos);
  for (const std::string file : {"server.key", "pepper", "grantd.db"}) {
    EXPECT_EQ(mode_of(directory() / file), 0600U) << file;
  }
  const auto demo = json({"client", "show", "demo"});
  EXPECT_EQ(demo.at("scope"), "demo:read demo:write");
  EXPECT_EQ(demo.at("serves"), nlohmann::json::array({"https://api.example.com"}));

  const auto response = token(lines);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(server.stop().status, 0);
}

TEST_F(DevelopmentServer, TheIssuerFollowsThePort) {
  Process server(command(), any_ports);
  const auto lines = lines_of(server);
  TlsClient client("localhost", lines.port, (directory() / "ca.crt").string());
  const auto metadata = client.request("GET", "/.well-known/oauth-authorization-server");
  EXPECT_EQ(nlohmann::json::parse(metadata.body).at("issuer"),
            "https://localhost:" + std::to_string(lines.port));
}

TEST_F(DevelopmentServer, TheEnvironmentsIssuerIsObeyed) {
  auto environment = any_ports;
  environment["GRANTD_ISSUER"] = "https://dev.example.com/auth";
  Process server(command(), environment);
  const auto text = server.wait_for_err("client list --config");
  EXPECT_NE(text.find("issuer https://dev.example.com/auth\n"), std::string::npos);
  EXPECT_TRUE(std::regex_search(text, std::regex("https://localhost:[0-9]+/auth/token\n"))) << text;
}

TEST_F(DevelopmentServer, EachStartRenewsTheSecretAndKeepsTheRest) {
  std::string first;
  {
    Process server(command(), any_ports);
    first = lines_of(server).user;
    server.stop();
  }
  const auto certificate = read_text(directory() / "ca.crt");
  const auto pepper = read_text(directory() / "pepper");
  (void)json({"secret", "add", "demo", "--label", "mine"});

  Process server(command(), any_ports);
  EXPECT_NE(lines_of(server).user, first);
  EXPECT_EQ(read_text(directory() / "ca.crt"), certificate);
  EXPECT_EQ(read_text(directory() / "pepper"), pepper);
  EXPECT_EQ(json({"secret", "list", "demo"}).size(), 2U);
  EXPECT_EQ(json({"secret", "list", "demo"}).dump().find(first.substr(9, 12)), std::string::npos);
}

TEST_F(DevelopmentServer, ASecondOneIsRefusedAndLeavesTheFirstOnesSecret) {
  Process server(command(), any_ports);
  lines_of(server);
  const auto secrets = json({"secret", "list", "demo"});
  const auto second = run(command(), any_ports);
  EXPECT_EQ(second.status, 1);
  EXPECT_EQ(json({"secret", "list", "demo"}), secrets);
}

TEST_F(DevelopmentServer, GoesNotTogetherWithAConfiguration) {
  EXPECT_EQ(grantd({"serve", "--dev", "--config", "x.json"}).status, 2);
  EXPECT_EQ(grantd({"--config", "x.json", "serve", "--dev"}).status, 2);
  EXPECT_EQ(grantd({"serve", "--dir", "x"}).status, 2);
}

TEST_F(DevelopmentServer, TheSecretIsInNoFileAndNotOnStdout) {
  Process server(command(), any_ports);
  const auto secret = lines_of(server).user.substr(5);
  const auto result = server.stop();
  EXPECT_EQ(result.out.find(secret), std::string::npos);
  for (const auto& entry : fs::recursive_directory_iterator(directory())) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(read_text(entry.path()).find(secret), std::string::npos) << entry.path();
  }
}

TEST_F(DevelopmentServer, HealthSaysThatItIsReady) {
  // The other commands read the same overrides: a port that both know.
  Process server(command(), any_ports);
  const auto log = server.wait_for_out("\"listening\"");
  std::smatch found;
  ASSERT_TRUE(std::regex_search(log, found, std::regex("\"ops_port\":([0-9]+)"))) << log;
  const auto result = grantd({"health", "--config", (directory() / "grantd.json").string()},
                             {{"GRANTD_OPS__PORT", found[1]}});
  EXPECT_EQ(result.status, 0) << result.err;
}

}  // namespace
}  // namespace grantd::testing
