// The real binary with its signing keys in the database (docs/adr/0009), here SQLite's.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

namespace fs = std::filesystem;

const std::string old_line(64, '1');
const std::string new_line(64, '2');

class KeysInTheDatabase : public ::testing::Test {
 protected:
  KeysInTheDatabase() {
    write(old_line);
    server.start();
    server.add_client("c1");
  }

  void write(const std::string& lines) const {
    write_text(server.directory() / "wrapping-key", lines);
  }
  /// Of the live keys.
  [[nodiscard]] std::set<std::string> wrapping_keys() {
    std::set<std::string> ids;
    for (const auto& key : server.command_json({"key", "list"})) {
      if (!key.at("wrapping_key").is_null()) ids.insert(key.at("wrapping_key"));
    }
    return ids;
  }
  void reload_until_logged(const std::string& event) {
    const auto before = server.log_lines(event).size();
    server.signal(SIGHUP);
    ASSERT_TRUE(TestServer::eventually([&] { return server.log_lines(event).size() > before; }))
        << event;
  }

  TestServer server{
      {.config = {{"keys", {{"store", "database"}, {"wrapping_key_file", "wrapping-key"}}}},
       .start = false}};
};

TEST_F(KeysInTheDatabase, SignAfterARestartAndStandInNoFile) {
  const auto kid = decode(server.token_for("c1")).header.at("kid");
  server.stop();
  server.start();
  EXPECT_EQ(decode(server.token_for("c1")).header.at("kid"), kid);
  for (const auto& entry : fs::recursive_directory_iterator(server.directory())) {
    EXPECT_NE(entry.path().extension(), ".pem") << entry.path();
  }
}

TEST_F(KeysInTheDatabase, ChangeTheirWrappingKeyWhileTheServerRuns) {
  const auto kid = decode(server.token_for("c1")).header.at("kid");
  const auto old_ids = wrapping_keys();
  ASSERT_EQ(old_ids.size(), 1U);

  write(new_line);
  reload_until_logged("reload_failed");
  EXPECT_NE(server.log().find(*old_ids.begin()), std::string::npos);

  write(new_line + "\n" + old_line);
  reload_until_logged("reload");
  const auto result = server.command_json({"key", "rewrap"});
  EXPECT_EQ(result.at("rewrapped"), 1);
  EXPECT_EQ(result.at("in_use").size(), 1U);
  EXPECT_EQ(wrapping_keys(), (std::set<std::string>{result.at("wrapping_key")}));
  EXPECT_EQ(server.command_json({"key", "rewrap"}).at("rewrapped"), 0);

  write(new_line);
  reload_until_logged("reload");
  EXPECT_EQ(decode(server.token_for("c1")).header.at("kid"), kid);
}

TEST_F(KeysInTheDatabase, WithoutTheirLineLetNoServerStart) {
  const auto id = *wrapping_keys().begin();
  server.stop();
  write(new_line);
  const auto serve = run({GRANTD_BINARY, "serve", "--config", server.config_file()});
  EXPECT_EQ(serve.status, 2);
  EXPECT_NE(serve.err.find("lacks the wrapping key " + id + " (1 key)"), std::string::npos)
      << serve.err;
  const auto check = server.command({"config", "check"});
  EXPECT_EQ(check.status, 2);
  EXPECT_NE(check.out.find("lacks the wrapping key " + id), std::string::npos) << check.out;
  const auto rewrap = server.command({"key", "rewrap"});
  EXPECT_EQ(rewrap.status, 1);
  EXPECT_NE(rewrap.err.find(id), std::string::npos) << rewrap.err;
}

TEST(KeysInADirectory, AreNotRewrapped) {
  TestServer server{{.start = false}};
  const auto result = server.command({"key", "rewrap"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("keys.store"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace grantd::testing
