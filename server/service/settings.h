/// From the configuration to the few values each component takes. Pure, but for load_policy.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "server/base/freshness.h"
#include "server/clients/authenticator.h"
#include "server/endpoints/revocations.h"
#include "server/grants/policy.h"
#include "server/http/server.h"
#include "server/keys/rotation.h"
#include "server/observe/log.h"

namespace grantd::service {

[[nodiscard]] http::Limits limits_of(const config::Config& config);
/// Reads the files that it names (JWKS of foreign issuers and of audiences), so it blocks. Errors:
/// all faults, each with its path.
[[nodiscard]] std::expected<grants::Policy, std::vector<std::string>> load_policy(
    const config::Config& config);
/// The `alg` values of encrypted tokens, ascending; literals.
[[nodiscard]] std::vector<std::string_view> encryption_algs_of(const grants::Policy& policy);
[[nodiscard]] keys::RotationSettings rotation_of(const config::Config& config);
[[nodiscard]] clients::Authenticator::Settings authentication_of(const config::Config& config);
[[nodiscard]] endpoints::RevocationsEndpoint::Settings feed_of(const config::Config& config);
/// None on SQLite, which no other server changes.
[[nodiscard]] Freshness::Bounds freshness_of(const config::Config& config);
[[nodiscard]] observe::Level level_of(config::LogLevel level);
[[nodiscard]] observe::Format format_of(config::LogFormat format);

}  // namespace grantd::service
