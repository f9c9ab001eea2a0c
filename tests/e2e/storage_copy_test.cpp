// The real binary: `grantd storage copy`, from a server on SQLite to one on a real PostgreSQL.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "tests/support/sqlite_edit.h"
#include "tests/support/test_postgres.h"
#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

namespace fs = std::filesystem;

const std::string opaque_api = "https://opaque.example.com";

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// An installation on SQLite that has run, and one on PostgreSQL that has not: migrated, with the
/// same pepper.
class StorageCopy : public ::testing::Test {
 protected:
  StorageCopy() {
    old.add_client("billing");
    old.add_client("api", {"--serves", api, "--scope", "api:read", "--audience", api});
    (void)node.command_json({"migrate"});
  }

  [[nodiscard]] fs::path old_database() const { return old.directory() / "grantd.db"; }
  [[nodiscard]] std::vector<std::string> copy_command() const {
    return {"storage", "copy",
            "--from",  "sqlite:" + old_database().string(),
            "--keys",  (old.directory() / "keys").string()};
  }
  ProcessResult copy() { return node.command(copy_command()); }
  /// The old server stopped, everything copied, the new one running.
  void move() {
    (void)old.stop();
    const auto result = copy();
    ASSERT_EQ(result.status, 0) << result.err;
    node.start();
  }
  void expect_refused(const ProcessResult& result, int status, const std::string& because) {
    EXPECT_EQ(result.status, status);
    EXPECT_TRUE(holds(result.err, because)) << result.err;
    EXPECT_TRUE(result.out.empty()) << result.out;
    EXPECT_EQ(query(database.url(), "SELECT count(*) FROM signing_key"), "0");
    EXPECT_EQ(query(database.url(), "SELECT value FROM counter WHERE name = 'change'"), "0");
  }

  static json config() {
    return {{"audiences", {{api, {{"status_list", true}}}, {opaque_api, {{"format", "opaque"}}}}}};
  }

  TestDatabase database;
  TestServer old{{.config = config()}};
  TestServer node{
      {.config = config(), .start = false, .postgres_url = database.url(), .beside = &old}};
};

// --- what goes on working -------------------------------------------------------------------

TEST_F(StorageCopy, TokensOfTheOldServerAreActiveOnTheNewOne) {
  const auto token = old.token_for("billing");
  const auto revoked = old.token_for("billing");
  ASSERT_EQ(old.revoke(revoked, "billing").status, 200);
  move();
  EXPECT_TRUE(node.is_active(token, "api"));
  EXPECT_FALSE(node.is_active(revoked, "api"));
  EXPECT_TRUE(verifies(token, node.jwks()));
  ASSERT_EQ(node.revoke(token, "billing").status, 200);
  EXPECT_FALSE(node.is_active(token, "api"));
}

TEST_F(StorageCopy, OpaqueTokensOfTheOldServerAreActiveOnTheNewOne) {
  old.add_client("opaque", {"--audience", opaque_api});
  const auto token = old.token_for("opaque");
  ASSERT_TRUE(token.starts_with("gdt_"));
  move();
  EXPECT_TRUE(node.is_active(token, "opaque"));
  ASSERT_EQ(node.revoke(token, "opaque").status, 200);
  EXPECT_FALSE(node.is_active(token, "opaque"));
}

TEST_F(StorageCopy, TheOldSecretsGetTokensThatTheOldKeySigns) {
  const auto before = decode(old.token_for("billing")).header.at("kid");
  move();
  const auto token = node.token_for("billing");
  EXPECT_EQ(decode(token).header.at("kid"), before);
  EXPECT_TRUE(verifies(token, node.jwks()));
}

TEST_F(StorageCopy, ADisabledClientStaysDisabledAndItsTokensInactive) {
  const auto token = old.token_for("billing");
  (void)old.command_json({"client", "disable", "billing"});
  move();
  EXPECT_EQ(node.token("billing").status, 401);
  EXPECT_FALSE(node.is_active(token, "api"));
}

TEST_F(StorageCopy, AReaderOfTheFeedGoesOnFromItsCursor) {
  const auto first = old.token_for("billing");
  ASSERT_EQ(old.revoke(first, "billing").status, 200);
  const auto feed = [](TestServer& server, const std::string& path) {
    const auto answer = server.get(path, {{"Authorization", basic("api", server.secret("api"))}});
    return decode(answer.body).claims;
  };
  const auto before = feed(old, "/revocations");
  const auto cursor = before.at("seq").get<std::int64_t>();
  move();
  const auto second = node.token_for("billing");
  ASSERT_EQ(node.revoke(second, "billing").status, 200);
  const auto news = feed(node, "/revocations?since=" + std::to_string(cursor));
  EXPECT_EQ(news.at("full"), false) << news;
  EXPECT_TRUE(holds(news.dump(), decode(second).claims.at("jti").get<std::string>())) << news;
  EXPECT_FALSE(holds(news.dump(), decode(first).claims.at("jti").get<std::string>())) << news;
}

TEST_F(StorageCopy, NoEntryOfAStatusListIsGivenTwice) {
  const auto entry_of = [](const std::string& token) {
    return decode(token).claims.at("status").at("status_list");
  };
  const auto before = entry_of(old.token_for("billing"));
  move();
  const auto after = entry_of(node.token_for("billing"));
  EXPECT_NE(before, after);
}

TEST_F(StorageCopy, OneOfTheKeysInTheSourcesOwnDatabaseIsCopiedAsItIs) {
  const TestDatabase other;
  TestServer wrapped(
      {.config = {{"keys", {{"store", "database"}, {"wrapping_key_file", "wrapping-key"}}}},
       .beside = &old});
  wrapped.add_client("reader", {"--serves", api, "--audience", api});
  const auto token = wrapped.token_for("reader");
  (void)wrapped.stop();
  TestServer target({.start = false, .postgres_url = other.url(), .beside = &old});
  (void)target.command_json({"migrate"});
  const auto result = target.command(
      {"storage", "copy", "--from", "sqlite:" + (wrapped.directory() / "grantd.db").string()});
  ASSERT_EQ(result.status, 0) << result.err;
  target.start();
  EXPECT_TRUE(target.is_active(token, "reader"));
  EXPECT_EQ(decode(target.token_for("reader")).header.at("kid"), decode(token).header.at("kid"));
}

// --- what it says ---------------------------------------------------------------------------

TEST_F(StorageCopy, SaysOfEachTableWhatWasCopied) {
  (void)old.token_for("billing");
  (void)old.stop();
  const auto result = copy();
  ASSERT_EQ(result.status, 0) << result.err;
  const auto rows = json::parse(result.out);
  EXPECT_EQ(rows.size(), 16U);
  for (const auto& row : rows) {
    ASSERT_EQ(row.size(), 3U);
    EXPECT_EQ(row.at("sha256").get<std::string>().size(), 64U);
  }
  const auto clients =
      std::ranges::find_if(rows, [](const json& row) { return row.at("table") == "client"; });
  ASSERT_NE(clients, rows.end());
  EXPECT_EQ(clients->at("rows"), 2);
}

TEST_F(StorageCopy, SaysWhatToDoWithWhatIsLeft) {
  (void)old.stop();
  const auto result = copy();
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(holds(result.err, "mv " + old_database().string())) << result.err;
  EXPECT_TRUE(holds(result.err, "PEM files in " + (old.directory() / "keys").string()))
      << result.err;
  EXPECT_TRUE(holds(result.err, "synchronous_standby_names")) << result.err;
}

TEST_F(StorageCopy, LeavesTheOldInstallationAsItWas) {
  const auto token = old.token_for("billing");
  (void)old.stop();
  ASSERT_EQ(copy().status, 0);
  old.start();
  EXPECT_TRUE(old.is_active(token, "api"));
}

TEST_F(StorageCopy, ToNamesAnotherDatabaseThanTheConfiguration) {
  const TestDatabase other;
  (void)old.stop();
  auto command = copy_command();
  command.insert(command.end(), {"--to", other.url()});
  const auto unmigrated = node.command(command);
  EXPECT_EQ(unmigrated.status, 1);
  EXPECT_TRUE(holds(unmigrated.err, "grantd migrate")) << unmigrated.err;

  const TestServer there(
      {.config = config(), .start = false, .postgres_url = other.url(), .beside = &old});
  ASSERT_EQ(const_cast<TestServer&>(there).command({"migrate"}).status, 0);
  ASSERT_EQ(node.command(command).status, 0);
  EXPECT_EQ(query(other.url(), "SELECT count(*) FROM client"), "2");
  EXPECT_EQ(query(database.url(), "SELECT count(*) FROM client"), "0");
}

// --- what is refused ------------------------------------------------------------------------

TEST_F(StorageCopy, ASourceOnWhichAServerRunsIsRefused) {
  expect_refused(copy(), 1, "another grantd serve runs on");
  (void)old.stop();
  EXPECT_EQ(copy().status, 0);
}

TEST_F(StorageCopy, OtherDirectionsAreRefused) {
  (void)old.stop();
  auto command = copy_command();
  command.at(3) = database.url();
  expect_refused(node.command(command), 2, "from SQLite to PostgreSQL alone");
  command = copy_command();
  command.insert(command.end(), {"--to", "sqlite:" + (node.directory() / "new.db").string()});
  expect_refused(node.command(command), 2, "from SQLite to PostgreSQL alone");
  expect_refused(old.command(copy_command()), 2, "configuration of the new installation");
}

TEST_F(StorageCopy, ASourceThatIsNotThereIsRefusedAndNotMade) {
  auto command = copy_command();
  const auto path = node.directory() / "none.db";
  command.at(3) = "sqlite:" + path.string();
  expect_refused(node.command(command), 1, "there is no database");
  EXPECT_FALSE(fs::exists(path));
  EXPECT_FALSE(fs::exists(path.string() + ".lock"));
}

TEST_F(StorageCopy, ASourceWhoseSchemaIsBehindIsRefused) {
  (void)old.stop();
  edit_sqlite(old_database(), "DELETE FROM schema_migration WHERE number = 7");
  expect_refused(copy(), 1, "the schema is behind");
}

TEST_F(StorageCopy, ATargetThatIsInUseIsRefused) {
  (void)old.stop();
  ASSERT_EQ(copy().status, 0);
  const auto again = copy();
  EXPECT_EQ(again.status, 1);
  EXPECT_TRUE(holds(again.err, "not empty")) << again.err;
}

TEST_F(StorageCopy, APepperFileThatLacksOneInUseIsRefused) {
  (void)old.stop();
  write_text(node.directory() / "pepper", std::string(64, 'a') + "\n");
  expect_refused(copy(), 1, "pepper");
}

TEST_F(StorageCopy, AKeyThatSignsAndHasNoFileIsRefusedByKid) {
  const std::string kid = decode(old.token_for("billing")).header.at("kid");
  (void)old.stop();
  auto command = copy_command();
  command.back() = (node.directory() / "keys").string();
  expect_refused(node.command(command), 1, kid);
}

TEST_F(StorageCopy, AFileThatOthersCanReadIsNoKey) {
  const std::string kid = decode(old.token_for("billing")).header.at("kid");
  (void)old.stop();
  const auto pem = old.directory() / "keys" / (kid + ".pem");
  fs::permissions(pem, fs::perms::others_read, fs::perm_options::add);
  expect_refused(copy(), 1, pem.string());
}

TEST_F(StorageCopy, ARetiredKeyWhoseFileIsGoneStaysPublished) {
  const auto token = old.token_for("billing");
  const std::string kid = decode(token).header.at("kid");
  (void)old.command_json({"key", "generate"});
  (void)old.stop();
  // Its successor signs: it only has to be published until its last token has expired.
  edit_sqlite(old_database(),
              "UPDATE signing_key SET signing_since = published_at WHERE signing_since IS NULL;"
              "UPDATE signing_key SET retires_at = published_at, removed_at = 4102444800"
              " WHERE kid = '" +
                  kid + "'");
  fs::remove(old.directory() / "keys" / (kid + ".pem"));
  ASSERT_EQ(copy().status, 0);
  node.start();
  EXPECT_TRUE(node.is_active(token, "api"));
  EXPECT_TRUE(verifies(token, node.jwks()));
}

TEST_F(StorageCopy, AWrappingKeyThatIsMissingIsRefused) {
  (void)old.stop();
  node.config()["keys"]["wrapping_key_file"] = "none";
  node.write_config(node.config());
  expect_refused(copy(), 2, (node.directory() / "none").string() + " does not exist");
}

TEST_F(StorageCopy, KilledInTheMiddleItLeavesNothingAndCanBeRepeated) {
  (void)old.stop();
  (void)query(database.url(),
              "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS"
              " 'BEGIN PERFORM pg_sleep(1); RETURN NEW; END';"
              "CREATE TRIGGER slowly BEFORE INSERT ON signing_key FOR EACH ROW"
              " EXECUTE FUNCTION slowly(); SELECT 1");
  auto command = copy_command();
  command.insert(command.begin(), GRANTD_BINARY);
  command.insert(command.end(), {"--config", node.config_file()});
  const std::string asleep =
      "SELECT count(*) FROM pg_stat_activity"
      " WHERE datname = current_database() AND wait_event = 'PgSleep'";
  {
    const Process copying(command);
    ASSERT_TRUE(TestServer::eventually([&] { return query(database.url(), asleep) == "1"; }));
    copying.signal(SIGKILL);
  }
  ASSERT_TRUE(TestServer::eventually([&] { return query(database.url(), asleep) == "0"; }));
  EXPECT_EQ(query(database.url(), "SELECT count(*) FROM client"), "0");
  (void)query(database.url(), "DROP TRIGGER slowly ON signing_key; SELECT 1");
  const auto again = copy();
  EXPECT_EQ(again.status, 0) << again.err;
}

TEST_F(StorageCopy, WhatArrivesOtherwiseIsRolledBackAndNamed) {
  (void)old.stop();
  (void)query(database.url(),
              "CREATE FUNCTION other_name() RETURNS trigger LANGUAGE plpgsql AS"
              " 'BEGIN NEW.name := NEW.name || ''!''; RETURN NEW; END';"
              "CREATE TRIGGER other_name BEFORE INSERT ON client FOR EACH ROW"
              " EXECUTE FUNCTION other_name(); SELECT 1");
  expect_refused(copy(), 1, "table client did not arrive as it left");
}

}  // namespace
}  // namespace grantd::testing
