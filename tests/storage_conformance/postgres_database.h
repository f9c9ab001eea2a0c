/// A Database of storage/postgres on a real PostgreSQL, below the store interfaces: for the tests
/// of its connections.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "storage/postgres/database.h"
#include "storage/postgres/hosts.h"
#include "tests/support/test_postgres.h"

namespace grantd::storage::postgres {

using testing::PostgresServer;
using testing::query;
using testing::TestDatabase;

/// What a URL says, as libpq reads it.
inline Keywords keywords_of(const std::string& url) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(url.c_str(), nullptr), &PQconninfoFree);
  if (!parsed) throw std::runtime_error("no URL: " + url);
  Keywords keywords;
  for (const auto* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) keywords[option->keyword] = option->val;
  }
  return keywords;
}

inline Options options_of(const std::string& url) {
  Options options;
  options.parameters = keywords_of(url);
  return options;
}

/// Not opened yet: each first call connects.
inline std::unique_ptr<Database> database_of(const Options& options) {
  const auto hosts = split_hosts(options.parameters);
  if (!hosts) throw std::runtime_error(hosts.error());
  return std::make_unique<Database>(options, *hosts);
}

/// The tables that the tests below write to.
inline constexpr const char* test_tables =
    "CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL);"
    "INSERT INTO counter VALUES ('change', 0);"
    "CREATE TABLE noted (id TEXT PRIMARY KEY COLLATE \"C\", value BIGINT CHECK (value < 1000))";

inline StoreResult<void> note(Database& database, const std::string& id, std::int64_t value = 0) {
  return database.write([&](Connection& connection) -> StoreResult<void> {
    connection.run("INSERT INTO noted (id, value) VALUES ($1, $2)", id, value);
    return {};
  });
}

inline StoreResult<std::int64_t> count_noted(Database& database) {
  return database.read_one([](Connection& connection) -> StoreResult<std::int64_t> {
    return connection.query("SELECT count(*) FROM noted").integer(0, 0);
  });
}

/// The process of the server that served the call.
inline StoreResult<std::int64_t> process_of(Database& database) {
  return database.read_one([](Connection& connection) -> StoreResult<std::int64_t> {
    return connection.query("SELECT pg_backend_pid()").integer(0, 0);
  });
}

class Stopwatch {
 public:
  [[nodiscard]] std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 begun_);
  }

 private:
  std::chrono::steady_clock::time_point begun_{std::chrono::steady_clock::now()};
};

template <typename T>
void expect_unavailable(const StoreResult<T>& result, const std::string& because) {
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, StoreErrorCode::unavailable);
  EXPECT_NE(result.error().detail.find(because), std::string::npos) << result.error().detail;
  EXPECT_EQ(result.error().detail.find('\n'), std::string::npos) << result.error().detail;
}

}  // namespace grantd::storage::postgres
