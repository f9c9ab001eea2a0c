/// The storage that the configuration names, for the server and for the operator's commands.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "config/config.h"
#include "storage/copy.h"
#include "storage/stores.h"

namespace grantd::service {

/// Whether SQLite's file is made where it is missing; PostgreSQL's database always has to be there.
enum class CreateStorage { yes, no };

/// Whatever its schema is. Error: one sentence for the operator.
[[nodiscard]] std::expected<std::unique_ptr<storage::Storage>, std::string> open_storage(
    const config::Config::Storage& settings, CreateStorage create);

/// PostgreSQL for `grantd storage copy`, migrated already. Error: one sentence for the operator.
[[nodiscard]] std::expected<std::unique_ptr<storage::TableTarget>, std::string> open_table_target(
    const config::Config::Storage& settings);

/// What it is called in messages: the file, or the URL, which bears no password.
[[nodiscard]] std::string name_of(const config::Config::Storage& settings);

}  // namespace grantd::service
