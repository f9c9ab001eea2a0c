/// The custody of private keys that the configuration names, for the server and for commands.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "config/config.h"
#include "server/base/random.h"
#include "server/keys/database_custody.h"

namespace grantd::service {

/// `cover`: as DatabaseCustody::make. Error: one sentence for the operator.
[[nodiscard]] std::expected<std::unique_ptr<keys::KeyCustody>, std::string> make_custody(
    const config::Config::Keys& settings, storage::KeyStore& store, Random& random,
    keys::DatabaseCustody::Cover cover);

}  // namespace grantd::service
