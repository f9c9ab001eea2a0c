/// The schema brought up to date: by `grantd migrate`, and by `serve` on SQLite.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "storage/migrator.h"
#include "storage/stores.h"

namespace grantd::cli {

/// What this binary knows and the database lacks, in order. Error: one sentence; also where the
/// database is not for this binary.
[[nodiscard]] std::expected<std::vector<storage::Migration>, std::string> missing_migrations(
    storage::Storage& storage);

/// Applies what is missing; the names of what was applied. Error: one sentence.
[[nodiscard]] std::expected<std::vector<std::string>, std::string> migrate(
    storage::Storage& storage, sys_seconds now);

}  // namespace grantd::cli
