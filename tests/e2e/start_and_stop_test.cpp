// What `serve` refuses to start on, and how it ends.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

namespace fs = std::filesystem;

ProcessResult serve(const TestServer& server) {
  return run({GRANTD_BINARY, "serve", "--config", server.config_file()});
}

TEST(Serve, ASecondOneOnTheSameDatabaseIsRefused) {
  const TestServer server;
  const auto second = serve(server);
  EXPECT_EQ(second.status, 1);
  EXPECT_NE(second.err.find("grantd.db"), std::string::npos) << second.err;
  EXPECT_EQ(server.get("/.well-known/jwks.json").status, 200) << "the first goes on";
}

TEST(Serve, EndsWithStatus0OnSigtermAndSigint) {
  TestServer server;
  EXPECT_EQ(server.stop().status, 0);
  server.start();
  server.signal(SIGINT);
  EXPECT_EQ(server.process().wait().status, 0);
}

TEST(Serve, AfterSigtermIsNotReadyAndServesOnForAsLongAsToldTo) {
  TestServer server{{.config = {{"limits", {{"drain", "3s"}}}}}};
  server.add_client("c1");
  const auto ready = [&] { return server.connect_ops().request("GET", "/readyz"); };
  auto kept = server.connect();
  EXPECT_EQ(kept.request("GET", "/.well-known/jwks.json").status, 200);
  EXPECT_EQ(ready().status, 200);
  server.signal(SIGTERM);
  EXPECT_TRUE(TestServer::eventually([&] { return ready().status == 503; }));
  EXPECT_NE(ready().body.find("about to stop"), std::string::npos);
  EXPECT_EQ(server.token("c1").status, 200) << "a new connection";
  EXPECT_EQ(kept.request("GET", "/.well-known/jwks.json").header("Connection"), "close");
  EXPECT_TRUE(server.log_lines("stopping").empty());
  EXPECT_EQ(server.process().wait().status, 0);
  EXPECT_EQ(server.log_lines("draining").at(0).at("for_ms"), 3000);
  EXPECT_EQ(server.log_lines("stopping").size(), 1U);
}

TEST(Serve, ASecondSigtermEndsTheWaiting) {
  TestServer server{{.config = {{"limits", {{"drain", "5m"}}}}}};
  server.signal(SIGTERM);
  EXPECT_TRUE(TestServer::eventually([&] { return !server.log_lines("draining").empty(); }));
  EXPECT_EQ(server.stop().status, 0) << "which sends another";
}

TEST(Serve, AnswersARequestThatIsUnderWayWhenItIsToldToStop) {
  TestServer server;
  server.add_client("c1");
  auto connection = server.connect();
  connection.send_raw(
      "POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      "Authorization: " +
      basic("c1", server.secret("c1")) + "\r\nContent-Length: 29\r\n\r\ngrant_type=");
  // The server has read the beginning once it answers another connection on the same loop.
  for (int i = 0; i < 4; ++i) static_cast<void>(server.get("/.well-known/jwks.json"));
  server.signal(SIGTERM);
  EXPECT_TRUE(TestServer::eventually([&] { return !server.log_lines("stopping").empty(); }));
  connection.send_raw("client_credentials");
  const auto response = connection.read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Connection"), "close");
  EXPECT_EQ(server.process().wait().status, 0);
}

TEST(Serve, FilesWithSecretsThatOthersCanReadAreRefused) {
  for (const auto* file : {"pepper", "server.key", "grantd.db"}) {
    TestServer server{{.start = false}};
    fs::permissions(server.directory() / file, fs::perms::others_read, fs::perm_options::add);
    const auto refused = serve(server);
    EXPECT_NE(refused.status, 0) << file;
    EXPECT_NE(refused.err.find(file), std::string::npos) << refused.err;
    EXPECT_NE(refused.err.find("chmod 600"), std::string::npos) << refused.err;
    fs::permissions(server.directory() / file, fs::perms::others_read, fs::perm_options::remove);
  }
}

TEST(Serve, AMissingPepperIsAFaultThatSaysHowToMakeOne) {
  TestServer server{{.start = false}};
  const auto pepper = read_text(server.directory() / "pepper");
  fs::remove(server.directory() / "pepper");
  const auto refused = serve(server);
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.err.find("openssl rand -hex 32"), std::string::npos) << refused.err;
  EXPECT_FALSE(fs::exists(server.directory() / "pepper")) << "never made silently";
  write_text(server.directory() / "pepper", pepper);
}

TEST(Serve, APepperThatStoredSecretsNeedIsNamed) {
  TestServer server{{.start = false}};
  server.add_client("c1");
  const auto pepper_id =
      server.command_json({"secret", "list", "c1"}).at(0).at("pepper").get<std::string>();
  const auto pepper = read_text(server.directory() / "pepper");
  write_text(server.directory() / "pepper", std::string(64, 'c') + "\n");
  const auto refused = serve(server);
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.err.find(pepper_id), std::string::npos) << refused.err;
  write_text(server.directory() / "pepper", pepper);
}

TEST(Serve, WhereStorageKnowsKeysAndNoFileIsThereNoNewKeyIsMadeInSilence) {
  TestServer server;
  server.stop();
  fs::rename(server.directory() / "keys", server.directory() / "unmounted");
  fs::create_directory(server.directory() / "keys");
  const auto refused = serve(server);
  EXPECT_EQ(refused.status, 1);
  EXPECT_TRUE(fs::is_empty(server.directory() / "keys")) << refused.err;
  fs::remove(server.directory() / "keys");
  fs::rename(server.directory() / "unmounted", server.directory() / "keys");
  server.start();
  EXPECT_EQ(server.get("/.well-known/jwks.json").status, 200);
}

TEST(Serve, ReadsNothingWorldReadableAndMakesNothingSo) {
  TestServer server;
  server.add_client("c1");
  static_cast<void>(server.token_for("c1"));
  for (const auto& entry : fs::recursive_directory_iterator(server.directory())) {
    const auto name = entry.path().filename().string();
    const bool is_public = name.ends_with(".crt") || name == "grantd.json";
    if (is_public || !entry.is_regular_file()) continue;
    EXPECT_EQ(mode_of(entry.path()) & 0077U, 0U) << name;
  }
}

TEST(Serve, WithClosedStandardDescriptorsWritesNoLogIntoItsFiles) {
  TestServer server{{.start = false}};
  const auto shell = "exec " + std::string(GRANTD_BINARY) + " serve --config " +
                     server.config_file() + " 0<&- 1>&- 2>&-";
  Process closed({"/bin/sh", "-c", shell});
  EXPECT_TRUE(TestServer::eventually([&] {
    return run({GRANTD_BINARY, "key", "list", "--config", server.config_file()})
               .out.find("signing") != std::string::npos;
  }));
  EXPECT_EQ(closed.stop().status, 0);
  for (const auto& entry : fs::recursive_directory_iterator(server.directory())) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(read_text(entry.path()).find("\"event\":"), std::string::npos) << entry.path();
  }
}

TEST(PrivateKeyDirectory, AnUnreadableKeyIsSkippedAndCountedAndTheServerGoesOn) {
  TestServer server;
  server.add_client("c1");
  const auto kid = decode(server.token_for("c1")).header.at("kid");
  write_text(server.directory() / "keys" / "broken.pem", "garbage");
  write_text(server.directory() / "keys" / "open.pem", "garbage", 0644);
  server.signal(SIGHUP);
  EXPECT_TRUE(
      TestServer::eventually([&] { return server.log_lines("key_file_skipped").size() == 2; }));
  EXPECT_NE(server.metrics().find("grantd_key_load_failures_total 2"), std::string::npos);
  EXPECT_EQ(decode(server.token_for("c1")).header.at("kid"), kid);
}

}  // namespace
}  // namespace grantd::testing
