/// PostgreSQL (15 or later) behind the store interfaces, shared by any number of nodes.
///
/// Plain SQL alone. Every write that appends to `change` holds the row `counter('change')`, so that
/// they are one after the other and `seq` is in commit order. What is acknowledged is committed,
/// with `synchronous_commit` at least `on`: on the synchronous standby too, where there is one.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "storage/stores.h"

namespace grantd::storage::postgres {

struct Options {
  /// libpq's connection keywords. `host`, `hostaddr` and `port` may be lists separated by commas;
  /// the hosts are tried in turn. Never a password.
  std::map<std::string, std::string> parameters{};
  /// Read anew for every connection; its first line counts. Refused where others can read it.
  std::optional<std::filesystem::path> password_file{};
  std::size_t connections{8};
  std::chrono::milliseconds connect_timeout{2000};  // all hosts together
  std::chrono::milliseconds statement_timeout{2000};
};

/// Connects once, to say at once what is wrong; looks at no schema. Error: one sentence for the
/// operator, without a password.
[[nodiscard]] std::expected<std::unique_ptr<Storage>, std::string> open(const Options& options);

}  // namespace grantd::storage::postgres
