#include "server/service/settings.h"

namespace grantd::service {

http::Limits limits_of(const config::Config& config) {
  const auto& limits = config.limits;
  return {limits.request_body_bytes, limits.request_header_bytes, limits.connections,
          limits.handshake_timeout,  limits.request_timeout,      limits.idle_timeout};
}

grants::Policy policy_of(const config::Config& config) {
  grants::Policy policy{
      config.tokens.lifetime, config.tokens.max_lifetime, config.tokens.clock_skew, {}};
  for (const auto& [uri, audience] : config.audiences) {
    policy.audiences.emplace(uri, oauth::AudiencePolicy{audience.scopes, audience.typ});
  }
  return policy;
}

keys::RotationSettings rotation_of(const config::Config& config) {
  return {config.keys.rotate_every, config.keys.publish_before, config.tokens.max_lifetime,
          config.tokens.clock_skew, config.keys.signing_key};
}

clients::Authenticator::Settings authentication_of(const config::Config& config) {
  return {config.limits.auth_failures, config.limits.failure_delay};
}

observe::Level level_of(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::debug:
      return observe::Level::debug;
    case config::LogLevel::info:
      return observe::Level::info;
    case config::LogLevel::warn:
      return observe::Level::warn;
    case config::LogLevel::error:
      return observe::Level::error;
  }
  std::unreachable();
}

observe::Format format_of(config::LogFormat format) {
  switch (format) {
    case config::LogFormat::json:
      return observe::Format::json;
    case config::LogFormat::text:
      return observe::Format::text;
  }
  std::unreachable();
}

}  // namespace grantd::service
