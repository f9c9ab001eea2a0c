/// A SQLite file changed past every rule of the server that wrote it.
#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace grantd::testing {

/// Any number of statements. Throws where one fails.
inline void edit_sqlite(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  char* message = nullptr;
  const bool done =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK &&
      sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message) == SQLITE_OK;
  const std::string fault = message != nullptr ? message : "cannot be opened";
  sqlite3_free(message);
  sqlite3_close(handle);
  if (!done) throw std::runtime_error(fault);
}

}  // namespace grantd::testing
