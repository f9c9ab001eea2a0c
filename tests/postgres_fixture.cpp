/// Starts and stops the PostgreSQL that all tests of one CTest run share:
///   postgres_fixture start FILE   FILE then says where it is (see TestPostgres::shared)
///   postgres_fixture stop FILE
/// It ends with CTest, too, where that is interrupted. Where no PostgreSQL is installed, start says
/// so and leaves no FILE: each test that needs one then fails with that sentence, and the others
/// run.
#include <unistd.h>

#include <exception>
#include <iostream>
#include <sstream>
#include <string>

#include "tests/support/temp_dir.h"
#include "tests/support/test_postgres.h"

namespace {

using grantd::testing::PostgresServer;
namespace fs = std::filesystem;

void stop(const fs::path& file) {
  if (!fs::exists(file)) return;
  std::istringstream in(grantd::testing::read_text(file));
  std::string directory;
  in >> directory;
  fs::remove(file);
  PostgresServer::stop_detached(directory);
}

void start(const fs::path& file) {
  fs::remove(file);  // of a run that was interrupted; its server went with CTest
  try {
    const auto directory = PostgresServer::start_detached(::getppid());
    fs::copy_file(directory / "address", file);
  } catch (const std::exception& failure) {
    std::cout << failure.what() << '\n';
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::string what = count == 3 ? arguments[1] : "";
  if (what == "start") {
    start(arguments[2]);
  } else if (what == "stop") {
    stop(arguments[2]);
  } else {
    std::cerr << "usage: postgres_fixture start|stop FILE\n";
    return 2;
  }
  return 0;
}
