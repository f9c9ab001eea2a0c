#include "storage/postgres/database.h"

#include <thread>

#include "storage/postgres/hosts.h"

namespace grantd::storage::postgres {
namespace {

/// After the first lost race; twice as much after the second, and so on.
constexpr std::chrono::milliseconds first_pause{5};

std::string name_of(const std::vector<Keywords>& hosts) {
  std::string name = "PostgreSQL";
  if (const auto database = hosts.front().find("dbname"); database != hosts.front().end()) {
    name += " database " + database->second;
  }
  std::string separator = " at ";
  for (const Keywords& host : hosts) {
    const std::string shown = display_name(host);
    if (shown.empty()) continue;
    name += separator + shown;
    separator = ", ";
  }
  return name;
}

}  // namespace

Database::Database(const Options& options, const std::vector<Keywords>& hosts)
    : pool_(options, hosts), name_(name_of(hosts)) {}

std::expected<void, std::string> Database::open() {
  try {
    const Pool::Loan loan(pool_, Pool::Use::any);
    return {};
  } catch (const Failure& failure) {
    return std::unexpected(described(failure).detail);
  }
}

bool Database::Attempts::again_after(const Failure& failure) {
  if (failure.calls_for_fresh_connection()) {
    if (use_ == Pool::Use::fresh) return false;
    use_ = Pool::Use::fresh;
    return true;
  }
  if (!failure.lost_a_race() || made_ == max_attempts) return false;
  std::this_thread::sleep_for(first_pause * (1 << (made_ - 1)));
  ++made_;
  return true;
}

StoreError Database::described(const Failure& failure) const {
  StoreError error = failure.error();
  error.detail = name_ + ": " + error.detail;
  return error;
}

}  // namespace grantd::storage::postgres
