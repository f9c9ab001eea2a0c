/// Starts and stops the PostgreSQL that all tests of one CTest run share, and that of a benchmark:
///   postgres_fixture start FILE [durable]
///       FILE then holds its directory, its port and the URL of a fresh database; durable: with
///       fsync
///   postgres_fixture stop FILE
/// It ends with its parent, too, where that is interrupted. Where no PostgreSQL is installed, start
/// says so and leaves no FILE: each test that needs one then fails with that sentence, and the
/// others run.
#include <unistd.h>

#include <exception>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

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

void start(const fs::path& file, bool durable) {
  fs::remove(file);  // of a run that was interrupted; its server went with CTest
  try {
    const auto directory = PostgresServer::start_detached(::getppid(), {.durable = durable});
    fs::copy_file(directory / "address", file);
  } catch (const std::exception& failure) {
    std::cout << failure.what() << '\n';
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> given(arguments + 1, arguments + count);
  const bool durable = given.size() == 3 && given[2] == "durable";
  if ((given.size() == 2 || durable) && given[0] == "start") {
    start(given[1], durable);
  } else if (given.size() == 2 && given[0] == "stop") {
    stop(given[1]);
  } else {
    std::cerr << "usage: postgres_fixture start FILE [durable] | stop FILE\n";
    return 2;
  }
  return 0;
}
