// The real binary's commands on a real PostgreSQL.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>

#include "server/jose/rsa_key.h"
#include "tests/support/installation.h"
#include "tests/support/test_keys.h"
#include "tests/support/test_postgres.h"

namespace grantd::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class PostgresCommands : public ::testing::Test {
 protected:
  TestDatabase database;
  Installation installation{Installation::Database::migrated, database.url()};
};

/// Without its tables.
class PostgresMigrate : public ::testing::Test {
 protected:
  [[nodiscard]] std::string sql(const std::string& statement) const {
    return query(database.url(), statement);
  }

  TestDatabase database;
  Installation installation{Installation::Database::absent, database.url()};
};

// --- init -----------------------------------------------------------------------------------

TEST(PostgresInit, MakesAWrappingKeyAndNoKeyDirectory) {
  const Installation installation(Installation::Database::absent,
                                  "postgresql://grantd@db.example/grantd");
  for (const std::string name : {"pepper", "wrapping_key"}) {
    struct stat found{};
    ASSERT_EQ(::stat((installation / name).c_str(), &found), 0) << name;
    EXPECT_EQ(found.st_mode & 0777U, 0600U) << name;
    EXPECT_TRUE(std::regex_match(read_text(installation / name), std::regex("[0-9a-f]{64}\n")));
  }
  EXPECT_FALSE(std::filesystem::exists(installation / "keys"));
  const auto shown = json::parse(installation.run({"config", "show"}).out);
  EXPECT_EQ(shown.at("storage").at("url"), "postgresql://grantd@db.example/grantd");
  EXPECT_EQ(shown.at("keys").at("store"), "database");
}

TEST(PostgresInit, SaysWhatIsStillToBeDone) {
  const TempDir directory;
  const auto result = grantd({"init", directory / "new", "--issuer", "https://auth.example.com",
                              "--storage", "postgresql://grantd@db.example/grantd", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(json::parse(result.out).at("wrapping_key"), (directory / "new/wrapping_key").string());
  for (const std::string part : {"storage.password_file", "wrapping key", "grantd migrate"}) {
    EXPECT_TRUE(holds(result.err, part)) << part;
  }
}

TEST(PostgresInit, RefusesAPasswordInTheUrlAndWritesNothing) {
  const TempDir directory;
  const auto result = grantd({"init", directory / "new", "--issuer", "https://auth.example.com",
                              "--storage", "postgresql://grantd:hunter2@db.example/grantd"});
  EXPECT_EQ(result.status, 2);
  EXPECT_FALSE(holds(result.err, "hunter2"));
  EXPECT_FALSE(std::filesystem::exists(directory / "new"));
}

// --- migrate --------------------------------------------------------------------------------

TEST_F(PostgresMigrate, ADryRunSaysWhatIsMissingAndChangesNothing) {
  const auto dry = installation.json({"migrate", "--dry-run"});
  EXPECT_EQ(dry.at("missing").at(0), "0001_initial");
  EXPECT_EQ(sql(tables), "0");
}

TEST_F(PostgresMigrate, AppliesEachOnce) {
  EXPECT_EQ(installation.json({"migrate"}).at("applied").at(0), "0001_initial");
  EXPECT_TRUE(installation.json({"migrate"}).at("applied").empty());
  EXPECT_TRUE(installation.json({"migrate", "--dry-run"}).at("missing").empty());
}

TEST_F(PostgresMigrate, TwoAtOnceAreBothDoneAndApplyEachOnce) {
  const std::vector<std::string> command{GRANTD_BINARY, "migrate", "--config",
                                         (installation / "grantd.json").string()};
  Process first(command);
  Process second(command);
  const auto one = first.wait();
  const auto other = second.wait();
  EXPECT_EQ(one.status, 0) << one.err;
  EXPECT_EQ(other.status, 0) << other.err;
  EXPECT_EQ(sql("SELECT count(*) = count(DISTINCT number) AND count(*) > 0"
                " FROM schema_migration"),
            "t");
  EXPECT_TRUE(installation.json({"client", "list"}).empty());
}

TEST_F(PostgresMigrate, WithoutItCommandsSayWhatToRun) {
  const auto result = installation.run({"client", "list"});
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(holds(result.err, "grantd migrate")) << result.err;
}

TEST_F(PostgresMigrate, ASchemaThatIsTooNewIsLeftAlone) {
  (void)installation.json({"migrate"});
  (void)sql(
      "INSERT INTO schema_migration VALUES (9999, '9999_later', 'abc', 9999, 0)"
      " RETURNING number");
  for (const Arguments& arguments : {Arguments{"client", "list"}, Arguments{"migrate"},
                                     Arguments{"migrate", "--dry-run"}, Arguments{"key", "list"}}) {
    const auto result = installation.run(arguments);
    EXPECT_EQ(result.status, 1) << arguments.front();
    EXPECT_TRUE(holds(result.err, "9999_later")) << result.err;
  }
}

TEST_F(PostgresMigrate, ANewerSchemaThatOnlyAddsIsWorkedOn) {
  (void)installation.json({"migrate"});
  (void)sql(
      "ALTER TABLE client ADD COLUMN later TEXT; CREATE TABLE later (id TEXT);"
      "INSERT INTO schema_migration VALUES (9999, '9999_later', 'abc', 1, 0)"
      " RETURNING number");
  EXPECT_FALSE(installation.create_client("billing").empty());
  EXPECT_EQ(installation.json({"client", "list"}).size(), 1U);
  EXPECT_EQ(installation.run({"migrate"}).status, 0);
}

TEST_F(PostgresMigrate, AMigrationThatWasChangedAfterwardsIsRefused) {
  (void)installation.json({"migrate"});
  (void)sql("UPDATE schema_migration SET checksum = 'abc' WHERE number = 1 RETURNING number");
  const auto result = installation.run({"migrate"});
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(holds(result.err, "0001_initial")) << result.err;
}

// --- config check ---------------------------------------------------------------------------

TEST_F(PostgresCommands, ConfigCheckLooksIntoTheDatabase) {
  const auto result = installation.run({"config", "check", "--json"});
  const auto document = json::parse(result.out);
  // The certificate is still missing, and this server confirms nothing on a standby.
  for (const std::string fault : document.at("faults")) {
    EXPECT_FALSE(fault.starts_with("storage")) << fault;
    EXPECT_FALSE(fault.starts_with("keys")) << fault;
  }
  EXPECT_TRUE(holds(document.at("warnings").dump(), "synchronous_standby_names")) << result.out;
}

TEST_F(PostgresCommands, ConfigCheckNamesAWrappingKeyThatIsInUseAndMissing) {
  (void)installation.json({"key", "generate"});
  write_text(installation / "wrapping_key", std::string(64, 'a') + "\n");
  const auto result = installation.run({"config", "check", "--json"});
  EXPECT_EQ(result.status, 2);
  EXPECT_TRUE(holds(json::parse(result.out).at("faults").dump(), "keys.wrapping_key_file"))
      << result.out;
}

TEST_F(PostgresMigrate, ConfigCheckWarnsOfAMissingSchema) {
  const auto document = json::parse(installation.run({"config", "check", "--json"}).out);
  EXPECT_TRUE(holds(document.at("warnings").dump(), "grantd migrate")) << document;
}

TEST(PostgresAway, ConfigCheckAndCommandsSaySoInTime) {
  PostgresServer server;
  const Installation installation(Installation::Database::migrated, server.create_database());
  server.pause();
  const auto begun = std::chrono::steady_clock::now();
  const auto checked = installation.run({"config", "check"});
  EXPECT_EQ(checked.status, 2);
  EXPECT_TRUE(holds(checked.err, "storage.url")) << checked.err;
  const auto listed = installation.run({"client", "list"});
  EXPECT_EQ(listed.status, 1) << listed.err;
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 15s);
  server.resume();
  EXPECT_EQ(installation.run({"client", "list"}).status, 0);
}

// --- the other commands ---------------------------------------------------------------------

TEST_F(PostgresCommands, ClientsAreRegisteredChangedAndDeleted) {
  installation.create_client(
      "a b", {"--name", "Bülling", "--scope", "api:read api:write", "--audience",
              "https://a.example", "--serves", "https://c.example", "--claim", "tenant=\"x\""});
  EXPECT_EQ(installation.run({"client", "create", "a b"}).status, 1);
  (void)installation.json({"client", "update", "a b", "--scope", "api:read"});
  auto shown = installation.json({"client", "show", "a b"});
  EXPECT_EQ(shown.at("name"), "Bülling");
  EXPECT_EQ(shown.at("scope"), "api:read");
  EXPECT_EQ(installation.run({"client", "disable", "a b"}).status, 0);
  EXPECT_EQ(installation.json({"client", "show", "a b"}).at("enabled"), false);
  EXPECT_EQ(installation.run({"client", "enable", "a b"}).status, 0);
  EXPECT_EQ(installation.json({"client", "list"}).size(), 1U);
  EXPECT_EQ(installation.run({"client", "delete", "a b"}).status, 0);
  EXPECT_EQ(installation.run({"client", "show", "a b"}).status, 1);
}

TEST_F(PostgresCommands, SecretsAreAddedListedAndRemovedUpToTen) {
  installation.create_client("billing");
  std::string last;
  for (int i = 2; i <= 10; ++i) {
    last = installation.json({"secret", "add", "billing", "--label", std::to_string(i)})
               .at("secret_id");
  }
  EXPECT_EQ(installation.run({"secret", "add", "billing"}).status, 1);
  EXPECT_EQ(installation.json({"secret", "list", "billing"}).size(), 10U);
  EXPECT_EQ(installation.run({"secret", "remove", "billing", last}).status, 0);
  EXPECT_EQ(installation.json({"secret", "list", "billing"}).size(), 9U);
  EXPECT_EQ(installation.run({"secret", "remove", "billing", last}).status, 1);
}

TEST_F(PostgresCommands, KeysAreGeneratedImportedAndRetired) {
  const std::string first = installation.json({"key", "generate"}).at("kid");
  write_text(installation / "brought.pem", std::string(test_key(0)->to_pem().view()));
  const std::string brought =
      installation.json({"key", "import", (installation / "brought.pem").string()}).at("kid");
  EXPECT_EQ(brought, test_key(0)->kid());
  EXPECT_EQ(installation.json({"key", "list"}).size(), 2U);
  EXPECT_EQ(query(database.url(), "SELECT count(*) FROM wrapped_key"), "2");
  const auto retired = installation.json({"key", "retire", first, "--now"});
  EXPECT_EQ(retired.at("retired").at("state"), "removed");
  EXPECT_EQ(retired.at("signing"), brought);
  EXPECT_EQ(query(database.url(), "SELECT kid FROM wrapped_key"), brought)
      << "the private half of a leaked key is no longer there";
}

TEST_F(PostgresCommands, NoPrivateKeyStandsInTheDatabaseUnwrapped) {
  (void)installation.json({"key", "generate"});
  const auto wrapped = query(database.url(), "SELECT encode(wrapped, 'escape') FROM wrapped_key");
  EXPECT_FALSE(holds(wrapped, "PRIVATE KEY"));
  // The object identifier of RSA, which every PKCS#8 of such a key begins with.
  EXPECT_EQ(query(database.url(),
                  "SELECT count(*) FROM wrapped_key"
                  " WHERE position('\\x2a864886f70d010101'::bytea IN wrapped) > 0"),
            "0");
}

TEST_F(PostgresCommands, TokensAreRevoked) {
  installation.create_client("billing");
  const std::string jti(32, 'a');
  EXPECT_EQ(installation.run({"token", "revoke", jti}).status, 0);
  EXPECT_EQ(installation.run({"token", "revoke", "--client", "billing"}).status, 0);
  EXPECT_EQ(installation.run({"token", "revoke", "--all"}).status, 0);
  EXPECT_EQ(query(database.url(), "SELECT jti FROM revocation"), jti);
  EXPECT_EQ(query(database.url(), "SELECT client_id FROM not_before ORDER BY client_id"),
            "\nbilling");
}

TEST_F(PostgresCommands, BackupSaysWhoseTaskItIs) {
  const auto result = installation.run({"backup", (installation / "copy").string()});
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(holds(result.err, "pg_dump")) << result.err;
}

// --- who may do what ------------------------------------------------------------------------

/// docker/cluster/roles.sql's second role: nodes and commands connect as it.
class PostgresServeRole : public PostgresMigrate {
 protected:
  PostgresServeRole() : role_("serve_" + TestPostgres::database_of(database.url())) {
    admin("CREATE ROLE " + role_ + " LOGIN");
    admin(grants());
  }
  void TearDown() override {
    admin("DROP OWNED BY " + role_);
    admin("DROP ROLE " + role_);
  }

  [[nodiscard]] std::string url_of_role() const {
    return TestPostgres::shared().socket_url(TestPostgres::database_of(database.url()), role_);
  }
  [[nodiscard]] ProcessResult run_as_role(const Arguments& arguments) const {
    return installation.run(arguments, {{"GRANTD_STORAGE__URL", url_of_role()}});
  }

 private:
  /// What the file does inside the new database, whose owner is `grantd` in the tests.
  [[nodiscard]] std::string grants() const {
    const auto file =
        read_text(std::filesystem::path(GRANTD_SOURCE_DIR) / "docker/cluster/roles.sql");
    const std::string mark = "\\connect grantd\n";
    auto text = file.substr(file.find(mark) + mark.size());
    text = std::regex_replace(text, std::regex("\\bgrantd_owner\\b"), "OWNER");
    text = std::regex_replace(text, std::regex("\\bgrantd\\b"), role_);
    return std::regex_replace(text, std::regex("OWNER"), "grantd");
  }
  void admin(const std::string& statement) const {
    (void)query(TestPostgres::shared().admin_url(TestPostgres::database_of(database.url())),
                statement + "; SELECT 1");
  }

  const std::string role_;
};

TEST_F(PostgresServeRole, DoesAllButMigrate) {
  (void)installation.json({"migrate"});
  for (const Arguments& arguments :
       {Arguments{"client", "create", "billing"}, Arguments{"client", "list"},
        Arguments{"secret", "add", "billing"}, Arguments{"key", "generate"},
        Arguments{"token", "revoke", "--all"}, Arguments{"client", "delete", "billing"},
        Arguments{"migrate", "--dry-run"}}) {
    const auto result = run_as_role(arguments);
    EXPECT_EQ(result.status, 0) << arguments.front() << ": " << result.err;
  }
}

TEST_F(PostgresServeRole, MovesAnInstallationIn) {
  (void)installation.json({"migrate"});
  const Installation old;
  old.create_client("billing");
  std::filesystem::copy_file(old / "pepper", installation / "pepper",
                             std::filesystem::copy_options::overwrite_existing);
  const auto copied =
      run_as_role({"storage", "copy", "--from", "sqlite:" + (old / "grantd.db").string()});
  EXPECT_EQ(copied.status, 0) << copied.err;
  EXPECT_EQ(sql("SELECT id FROM client"), "billing");
}

TEST_F(PostgresServeRole, CannotMakeTables) {
  const auto result = run_as_role({"migrate"});
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(holds(result.err, "permission denied")) << result.err;
  EXPECT_EQ(sql(tables), "0");
}

TEST_F(PostgresServeRole, CannotChangeOrDropThem) {
  (void)installation.json({"migrate"});
  for (const std::string statement :
       {"DROP TABLE revocation", "ALTER TABLE client DROP COLUMN enabled", "TRUNCATE change"}) {
    EXPECT_THROW((void)query(url_of_role(), statement), std::runtime_error) << statement;
  }
}

TEST_F(PostgresServeRole, ReachesTablesThatALaterMigrationMakes) {
  (void)installation.json({"migrate"});
  (void)sql("CREATE TABLE later (id TEXT); SELECT 1");
  EXPECT_EQ(query(url_of_role(), "SELECT count(*) FROM later"), "0");
}

}  // namespace
}  // namespace grantd::testing
