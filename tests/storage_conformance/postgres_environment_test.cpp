// Nothing but the configuration decides where the database is and how it is reached: libpq's
// variables, service files and password files are without effect on the real binary.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/installation.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_postgres.h"

namespace grantd::testing {
namespace {

namespace fs = std::filesystem;

fs::path write_private(const fs::path& file, const std::string& text) {
  std::ofstream(file) << text;
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  return file;
}

TEST(PostgresEnvironment, LeadsNoConnectionAstray) {
  const TempDir home;
  const auto services = write_private(home / "services", "[astray]\nhostaddr=127.0.0.2\n");
  fs::copy_file(services, home / ".pg_service.conf");
  const std::vector<ProcessEnvironment> hostile{
      {{"PGHOSTADDR", "127.0.0.2"}},
      {{"PGSERVICE", "astray"}, {"PGSERVICEFILE", services}},
      {{"PGSERVICE", "astray"}, {"HOME", home.path()}},
      {{"PGOPTIONS", "-c search_path=nowhere"}},
      {{"PGREQUIREAUTH", "scram-sha-256"}},
      {{"PGTZ", "nowhere"}},
      {{"PGCLIENTENCODING", "nothing"}, {"PGSSLMODE", "nothing"}, {"PGTARGETSESSIONATTRS", "?"}},
  };
  const TestDatabase database;
  const auto& server = TestPostgres::shared();
  for (const auto& url :
       {database.url(), server.socket_url(TestPostgres::database_of(database.url()))}) {
    const Installation installation(Installation::Database::absent, url);
    for (const auto& environment : hostile) {
      for (const auto& arguments : {Arguments{"migrate"}, Arguments{"client", "list"}}) {
        const auto result = installation.run(arguments, environment);
        EXPECT_EQ(result.status, 0) << environment.begin()->first << ": " << result.err;
      }
    }
  }
}

TEST(PostgresEnvironment, BringsNoPassword) {
  const PostgresServer server{PostgresServer::Options{.password = "open sesame"}};
  const Installation installation(Installation::Database::absent, server.create_database());
  const TempDir home;
  const auto file = write_private(home / ".pgpass", "*:*:*:*:open sesame\n");
  for (const ProcessEnvironment& environment :
       {ProcessEnvironment{{"PGPASSWORD", "open sesame"}}, ProcessEnvironment{{"PGPASSFILE", file}},
        ProcessEnvironment{{"HOME", home.path()}}}) {
    const auto result = installation.run({"migrate"}, environment);
    EXPECT_EQ(result.status, 1) << environment.begin()->first;
    EXPECT_NE(result.err.find("no password supplied"), std::string::npos) << result.err;
  }
  write_private(installation / "db_password", "open sesame\n");
  const auto reached = installation.run(
      {"migrate"},
      {{"GRANTD_STORAGE__PASSWORD_FILE", installation / "db_password"}, {"PGPASSWORD", "wrong"}});
  EXPECT_EQ(reached.status, 0) << reached.err;
}

}  // namespace
}  // namespace grantd::testing
