// libpq is loaded when a PostgreSQL URL is read, and not before
// (docs/adr/0013-libpq-at-run-time.md).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/installation.h"
#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

namespace fs = std::filesystem;

constexpr auto library = "libpq.so.5";

/// The file of a library that this test has loaded; `part` is of its path.
fs::path own_library(const std::string& part) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const auto path = line.find('/');
    if (path != std::string::npos && line.find(part) != std::string::npos) return line.substr(path);
  }
  return {};
}

/// What `config check` says of a PostgreSQL URL to a binary that finds another file in the
/// library's place.
ProcessResult check_with(const TempDir& libraries) {
  const Installation installation;
  return installation.run({"config", "check"},
                          {{"LD_LIBRARY_PATH", libraries.path().string()},
                           {"GRANTD_STORAGE__URL", "postgresql://grantd@db.example/grantd"}});
}

void expect_refusal(const ProcessResult& result, const std::string& reason) {
  EXPECT_EQ(result.status, 2);
  for (const std::string& part :
       {std::string("storage.url"), std::string("client library libpq.so.5 cannot be loaded"),
        reason, std::string("install libpq5"), std::string("or that library")}) {
    EXPECT_NE(result.err.find(part), std::string::npos) << part << " in: " << result.err;
  }
}

TEST(PostgresLibrary, AServerOnSqliteDoesNotHoldIt) {
  TestServer server;
  const auto maps = read_text("/proc/" + std::to_string(server.process().pid()) + "/maps");
  EXPECT_NE(maps.find("libsqlite3.so"), std::string::npos) << "these are its libraries";
  for (const auto* each : {"libpq.so", "libldap", "libgssapi", "libgnutls", "libsasl2"}) {
    EXPECT_EQ(maps.find(each), std::string::npos) << each;
  }
}

TEST(PostgresLibrary, ThatCannotBeLoadedIsAFaultOfTheUrl) {
  const TempDir libraries;
  write_text(libraries / library, "");
  expect_refusal(check_with(libraries), "file too short");
}

TEST(PostgresLibrary, ThatLacksAFunctionIsAFaultOfTheUrl) {
  const TempDir libraries;
  const auto another = own_library("/libc.so");
  ASSERT_FALSE(another.empty());
  fs::create_symlink(another, libraries / library);
  expect_refusal(check_with(libraries), "undefined symbol: PQ");
}

}  // namespace
}  // namespace grantd::testing
