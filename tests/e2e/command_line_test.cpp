// The real binary: how it is called, and the commands around configuration and storage.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "server/base/descriptor.h"
#include "tests/support/installation.h"

namespace grantd::testing {
namespace {

using ::testing::Test;
namespace fs = std::filesystem;

// --- how it is called -----------------------------------------------------------------------

TEST(CommandLine, WithoutACommandIsAFaultOfUsage) {
  const auto result = grantd({});
  EXPECT_EQ(result.status, 2);
  EXPECT_TRUE(result.out.empty());
  EXPECT_TRUE(result.err.starts_with("grantd: "));
}

TEST(CommandLine, AnUnknownCommandOrOptionIsAFaultOfUsage) {
  EXPECT_EQ(grantd({"frobnicate"}).status, 2);
  EXPECT_EQ(grantd({"client", "frobnicate"}).status, 2);
  EXPECT_EQ(grantd({"client", "list", "--frobnicate"}).status, 2);
  EXPECT_EQ(grantd({"client", "show"}).status, 2);
  EXPECT_EQ(grantd({"client", "show", "a", "b"}).status, 2);
}

TEST(CommandLine, HelpExitsWithZeroAndEndsWithAnExample) {
  for (const Arguments& arguments :
       {Arguments{"--help"}, Arguments{"client", "--help"}, Arguments{"key", "retire", "-h"}}) {
    const auto result = grantd(arguments);
    EXPECT_EQ(result.status, 0);
    EXPECT_NE(result.out.find("\nExample:\n  grantd "), std::string::npos);
    EXPECT_TRUE(result.err.empty());
  }
}

TEST(CommandLine, VersionSaysTheVersion) {
  const auto result = grantd({"--version"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, std::string("grantd ") + GRANTD_VERSION + "\n");
}

TEST(CommandLine, ASecretThatWasGivenByMistakeIsNotRepeated) {
  const std::string secret = "gds_abcdefghijkl_0123456789012345678901234567890123456789012";
  const auto result = grantd({"secret", "add", "billing", secret});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.err.find(secret), std::string::npos);
}

TEST(CommandLine, ConfigAndJsonStandBeforeOrAfterTheCommand) {
  const Installation installation;
  const auto file = (installation / "grantd.json").string();
  for (const Arguments& arguments : {Arguments{"--config", file, "--json", "client", "list"},
                                     Arguments{"client", "--config", file, "list", "--json"},
                                     Arguments{"client", "list", "--json", "--config=" + file}}) {
    const auto result = grantd(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, "[]\n");
  }
  EXPECT_EQ(grantd({"--config", file, "client", "list", "--config", file}).status, 2);
}

TEST(CommandLine, TheEnvironmentNamesTheConfiguration) {
  const Installation installation;
  const auto file = (installation / "grantd.json").string();
  EXPECT_EQ(grantd({"client", "list", "--json"}, {{"GRANTD_CONFIG", file}}).out, "[]\n");
  EXPECT_EQ(
      grantd({"client", "list", "--config", file}, {{"GRANTD_CONFIG", "/nowhere.json"}}).status, 0);
}

TEST(CommandLine, AMissingConfigurationIsAFaultOfConfiguration) {
  const auto result = grantd({"client", "list", "--config", "/nowhere/grantd.json"});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("/nowhere/grantd.json"), std::string::npos);
}

TEST(CommandLine, WhatCannotBeWrittenToStdoutIsNoSuccess) {
  const Installation installation;
  const auto result = run({"/bin/sh", "-c", R"(exec "$0" client list --config "$1" > /dev/full)",
                           GRANTD_BINARY, (installation / "grantd.json").string()});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "grantd: stdout cannot be written\n");
}

// --- init -----------------------------------------------------------------------------------

TEST(InitCommand, MakesAConfigurationAPepperAndDirectories) {
  const Installation installation(Installation::Database::absent);
  EXPECT_EQ(mode_of(installation / "pepper"), 0600U);
  EXPECT_EQ(read_text(installation / "pepper").size(), 65U);
  EXPECT_EQ(mode_of(installation / "keys"), 0700U);
  EXPECT_EQ(mode_of(installation / "tls"), 0700U);
  EXPECT_NE(read_text(installation / "grantd.json").find("//"), std::string::npos);
  EXPECT_EQ(installation.json({"config", "show"}).at("issuer"), Installation::issuer);
}

TEST(InitCommand, OverwritesNothing) {
  const Installation installation(Installation::Database::absent);
  const auto pepper = read_text(installation / "pepper");
  const Arguments again{"init", installation.directory().string(), "--issuer", "https://b.example"};
  EXPECT_EQ(grantd(again).status, 1);
  fs::remove(installation / "grantd.json");
  EXPECT_EQ(grantd(again).status, 1);
  EXPECT_FALSE(fs::exists(installation / "grantd.json"));
  EXPECT_EQ(read_text(installation / "pepper"), pepper);
}

TEST(InitCommand, RefusesAnIssuerThatMakesNoSense) {
  const TempDir directory;
  for (const std::string issuer : {"http://auth.example.com", "https://a.example/?q", "x\"y"}) {
    EXPECT_EQ(grantd({"init", (directory / "new").string(), "--issuer", issuer}).status, 2);
  }
  EXPECT_EQ(grantd({"init", (directory / "new").string()}).status, 2);
  EXPECT_FALSE(fs::exists(directory / "new"));
}

TEST(InitCommand, SaysOnlyWherePepperIsNeverWhatItIs) {
  const TempDir directory;
  const auto result =
      grantd({"init", (directory / "new").string(), "--issuer", "https://a.example"});
  const auto pepper = read_text(directory / "new/pepper").substr(0, 64);
  EXPECT_EQ((result.out + result.err).find(pepper), std::string::npos);
}

// --- config ---------------------------------------------------------------------------------

TEST(ConfigCommand, CheckReportsAllFaultsAtOnce) {
  const Installation installation;
  write_text(installation / "bad.json",
             R"({"issuer": "http://x", "limits": {"connections": "many"}, "colour": 1})", 0644);
  const auto result = grantd({"config", "check", "--config", (installation / "bad.json").string()});
  EXPECT_EQ(result.status, 2);
  for (const std::string path : {"issuer", "limits.connections", "colour"}) {
    EXPECT_NE(result.err.find(path), std::string::npos) << path;
  }
}

TEST(ConfigCommand, CheckOpensTheFilesThatTheConfigurationNames) {
  const Installation installation;
  fs::remove(installation / "pepper");
  fs::remove(installation / "keys");
  write_text(installation / "keys", "");
  const auto result = installation.run({"config", "check", "--json"});
  EXPECT_EQ(result.status, 2);
  const auto faults = nlohmann::json::parse(result.out).at("faults").dump();
  for (const std::string path : {"listen.tls", "storage.pepper_file", "keys.directory"}) {
    EXPECT_NE(faults.find(path), std::string::npos) << path;
  }
}

TEST(ConfigCommand, ShowHasTheEnvironmentsOverrides) {
  const Installation installation;
  const auto result = installation.run(
      {"config", "show"},
      {{"GRANTD_TOKENS__LIFETIME", "10m"}, {"GRANTD_ISSUER", "https://other.example"}});
  const auto shown = nlohmann::json::parse(result.out);
  EXPECT_EQ(shown.at("tokens").at("lifetime"), "10m");
  EXPECT_EQ(shown.at("issuer"), "https://other.example");
}

TEST(ConfigCommand, AnUnknownOverrideIsAFault) {
  const Installation installation;
  EXPECT_EQ(installation.run({"client", "list"}, {{"GRANTD_TOKENS__LIFETIM", "10m"}}).status, 2);
  EXPECT_EQ(installation.run({"client", "list"}, {{"GRANTD_SERVICE_HOST", "x"}}).status, 0);
}

// --- migrate --------------------------------------------------------------------------------

TEST(MigrateCommand, DryRunSaysWhatIsMissingAndMakesNothing) {
  const Installation installation(Installation::Database::absent);
  const auto planned = installation.json({"migrate", "--dry-run"});
  EXPECT_EQ(planned.at("missing").at(0), "0001_initial");
  EXPECT_FALSE(fs::exists(installation / "grantd.db"));
}

TEST(MigrateCommand, MakesTheDatabaseForItsOwnerAloneAndIsDoneOnce) {
  const Installation installation(Installation::Database::absent);
  EXPECT_EQ(installation.json({"migrate"}).at("applied").at(0), "0001_initial");
  EXPECT_EQ(mode_of(installation / "grantd.db"), 0600U);
  EXPECT_TRUE(installation.json({"migrate"}).at("applied").empty());
}

TEST(MigrateCommand, OtherCommandsSayThatItIsToBeRun) {
  const Installation installation(Installation::Database::absent);
  for (const bool empty_file : {false, true}) {
    if (empty_file) write_text(installation / "grantd.db", "");
    const auto result = installation.run({"client", "list"});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("run `grantd migrate`"), std::string::npos) << result.err;
  }
}

// --- backup ---------------------------------------------------------------------------------

TEST(BackupCommand, CopiesDatabaseAndKeysButNotThePepper) {
  const Installation installation;
  installation.create_client("billing");
  const std::string kid = installation.json({"key", "generate"}).at("kid");
  const auto target = installation / "backup";
  const auto result = installation.run({"backup", target.string()});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("pepper"), std::string::npos);
  EXPECT_EQ(mode_of(target), 0700U);
  EXPECT_EQ(mode_of(target / "grantd.db"), 0600U);
  EXPECT_EQ(mode_of(target / "keys" / (kid + ".pem")), 0600U);
  EXPECT_FALSE(fs::exists(target / "pepper"));

  fs::copy(installation / "grantd.json", target / "grantd.json");
  const auto clients =
      grantd({"client", "list", "--json", "--config", (target / "grantd.json").string()});
  EXPECT_EQ(nlohmann::json::parse(clients.out).at(0).at("client_id"), "billing") << clients.err;
}

TEST(BackupCommand, OverwritesNothing) {
  const Installation installation;
  fs::create_directory(installation / "backup");
  write_text(installation / "backup/grantd.db", "precious");
  EXPECT_EQ(installation.run({"backup", (installation / "backup").string()}).status, 1);
  EXPECT_EQ(read_text(installation / "backup/grantd.db"), "precious");
}

// --- health ---------------------------------------------------------------------------------

/// Answers one connection on the loopback with `answer`.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_.get(), generic, size) != 0 || ::listen(socket_.get(), 1) != 0 ||
        ::getsockname(socket_.get(), generic, &size) != 0) {
      throw std::runtime_error("no listening socket");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this, answer = std::move(answer)] {
      const Descriptor peer(::accept(socket_.get(), nullptr, nullptr));
      if (!peer.valid()) return;
      char buffer[1024];
      const auto got = ::recv(peer.get(), buffer, sizeof(buffer), 0);
      asked_.assign(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
      ::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    });
  }
  [[nodiscard]] std::string port() const { return std::to_string(port_); }
  std::string asked() {
    thread_.join();
    return asked_;
  }

 private:
  Descriptor socket_;
  std::uint16_t port_{0};
  std::string asked_;
  std::jthread thread_;
};

TEST(HealthCommand, IsZeroWhereTheServerIsReady) {
  const Installation installation;
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const auto result = installation.run({"health"}, {{"GRANTD_OPS__PORT", server.port()}});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(server.asked().starts_with("GET /readyz HTTP/1.1\r\nHost: "));
}

TEST(HealthCommand, IsOneWhereTheServerIsNotReadyOrNotThere) {
  const Installation installation;
  {
    OneAnswer server("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    const auto result = installation.run({"health"}, {{"GRANTD_OPS__PORT", server.port()}});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("not ready"), std::string::npos);
  }
  const auto result = installation.run({"health"}, {{"GRANTD_OPS__PORT", "1"}});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("nothing answers"), std::string::npos);
}

}  // namespace
}  // namespace grantd::testing
