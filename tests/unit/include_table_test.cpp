// Who may include whom (docs/architecture.md): held here, so that a room cannot grow a door unseen.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;
using Rooms = std::set<std::string>;

// Every room may include itself and server/base.
const std::map<std::string, Rooms> table{
    {"server/base", {}},
    {"server/oauth", {}},
    {"server/jose", {}},
    {"server/observe", {}},
    {"storage", {}},
    {"config", {"server/oauth"}},
    {"server/http", {"server/oauth", "server/observe"}},
    {"server/keys", {"server/jose", "storage"}},
    {"server/clients", {"server/jose", "server/oauth", "storage"}},
    {"server/tokens", {"server/keys", "server/jose", "server/oauth", "storage"}},
    {"server/grants", {"server/tokens", "server/keys", "server/jose", "server/oauth", "storage"}},
    {"server/endpoints",
     {"server/grants", "server/clients", "server/tokens", "server/keys", "server/oauth", "storage",
      "server/http", "server/observe"}},
};
// The wiring: main, the command line, and the service that reloads and maintains what they wired.
const Rooms unbounded{"server/main.cpp", "server/cli", "server/service"};

// Where a library may be used at all; libpq by way of our own table of its functions.
const std::map<std::string, Rooms> libraries{
    {"boost/beast", {"server/http"}},
    {"openssl/", {"server/jose", "server/keys", "server/clients", "server/http/tls"}},
    {"sqlite3.h", {"storage/sqlite"}},
    {"libpq-fe.h", {"server/base/libpq.h"}},
    {"server/base/libpq.h", {"server/base/libpq.cpp", "storage/postgres", "config"}},
    {"prometheus/", {"server/observe"}},
    {"CLI/", {"server/cli"}},
    {"zlib.h", {"server/base"}},
};

bool is_within(const std::string& path, const std::string& room) {
  return path == room || path.starts_with(room + "/");
}

std::string room_of(const std::string& path) {
  for (const auto& [room, allowed] : table) {
    if (is_within(path, room)) return room;
  }
  for (const auto& room : unbounded) {
    if (is_within(path, room)) return room;
  }
  return {};
}

bool may_include(const std::string& room, const std::string& other) {
  if (room == other || other == "server/base" || unbounded.contains(room)) return true;
  const auto allowed = table.find(room);
  return allowed != table.end() && allowed->second.contains(other);
}

void check_line(const std::string& file, const std::string& line) {
  static const std::regex include(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::smatch match;
  if (!std::regex_search(line, match, include)) return;
  const std::string what = match[2];
  const auto room = room_of(file);
  if (match[1] == "\"") {
    const auto other = room_of(what);
    EXPECT_FALSE(other.empty()) << file << ": includes " << what << ", which is in no room";
    EXPECT_TRUE(may_include(room, other)) << file << " (" << room << ") includes " << what;
  }
  for (const auto& [library, rooms] : libraries) {
    if (!what.starts_with(library)) continue;
    const bool allowed = std::ranges::any_of(
        rooms, [&](const std::string& allowed_room) { return is_within(file, allowed_room); });
    EXPECT_TRUE(allowed) << file << " uses " << what;
  }
}

TEST(IncludeTable, HoldsForEverySourceFile) {
  const fs::path root = GRANTD_SOURCE_DIR;
  std::size_t files = 0;
  for (const auto* top : {"server", "storage", "config"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
      const auto extension = entry.path().extension();
      if (extension != ".cpp" && extension != ".h") continue;
      const auto file = fs::relative(entry.path(), root).string();
      EXPECT_FALSE(room_of(file).empty()) << file << " is in no room";
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) check_line(file, line);
      ++files;
    }
  }
  EXPECT_GT(files, 100U);
}

}  // namespace
