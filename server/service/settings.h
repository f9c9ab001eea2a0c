/// From the configuration to the few values each component takes. Pure.
#pragma once

#include "config/config.h"
#include "server/clients/authenticator.h"
#include "server/grants/policy.h"
#include "server/http/server.h"
#include "server/keys/rotation.h"
#include "server/observe/log.h"

namespace grantd::service {

[[nodiscard]] http::Limits limits_of(const config::Config& config);
[[nodiscard]] grants::Policy policy_of(const config::Config& config);
[[nodiscard]] keys::RotationSettings rotation_of(const config::Config& config);
[[nodiscard]] clients::Authenticator::Settings authentication_of(const config::Config& config);
[[nodiscard]] observe::Level level_of(config::LogLevel level);
[[nodiscard]] observe::Format format_of(config::LogFormat format);

}  // namespace grantd::service
