#include "server/service/settings.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "server/base/files.h"
#include "server/jose/encryption_key.h"

namespace grantd::service {

http::Limits limits_of(const config::Config& config) {
  const auto& limits = config.limits;
  return {limits.request_body_bytes,
          limits.request_header_bytes,
          limits.connections,
          limits.handshake_timeout,
          limits.request_timeout,
          limits.idle_timeout,
          limits.drain};
}

namespace {

std::expected<tokens::ForeignKeys, std::string> load_jwks(const std::filesystem::path& file) {
  const auto text = read_file(file, tokens::max_jwks_bytes);
  if (!text) return std::unexpected(text.error());
  auto keys = tokens::parse_jwks(*text);
  if (!keys) return std::unexpected(file.string() + ": " + keys.error());
  return keys;
}

std::expected<std::shared_ptr<const jose::EncryptionKey>, std::string> load_encryption_key(
    const config::Encryption& encryption) {
  // The configuration's own words, checked when it was read.
  const auto alg = jose::key_management_of(encryption.alg).value();
  const auto text = read_file(encryption.jwks_file, jose::max_jwks_bytes);
  if (!text) return std::unexpected(text.error());
  auto key = jose::EncryptionKey::from_jwks(*text, alg);
  if (!key) return std::unexpected(encryption.jwks_file.string() + ": " + key.error());
  return key;
}

grants::Policy policy_of(const config::Config& config) {
  grants::Policy policy;
  policy.lifetime = config.tokens.lifetime;
  policy.max_lifetime = config.tokens.max_lifetime;
  policy.clock_skew = config.tokens.clock_skew;
  policy.warn_token_bytes = config.tokens.warn_size_bytes;
  policy.max_token_bytes = config.tokens.max_size_bytes;
  if (config.transaction_tokens.enabled) {
    policy.trust_domain = config.transaction_tokens.trust_domain;
    policy.transaction_lifetime = config.transaction_tokens.lifetime;
  }
  for (const auto& [uri, audience] : config.audiences) {
    policy.audiences.emplace(
        uri, oauth::AudiencePolicy{
                 audience.scopes, audience.typ, audience.claims, audience.status_list,
                 audience.format == config::TokenFormat::opaque, audience.encryption.has_value()});
    policy.status_lists |= audience.status_list;
  }
  return policy;
}

}  // namespace

std::expected<grants::Policy, std::vector<std::string>> load_policy(const config::Config& config) {
  auto policy = policy_of(config);
  std::vector<std::string> faults;
  for (const auto& [issuer, trusted] : config.exchange.issuers) {
    auto keys = load_jwks(trusted.jwks_file);
    if (keys) {
      policy.issuers.emplace(issuer,
                             tokens::ForeignIssuer{std::move(*keys), trusted.subject_prefix});
    } else {
      faults.push_back("exchange.issuers[\"" + issuer + "\"].jwks_file: " + keys.error());
    }
  }
  for (const auto& [uri, audience] : config.audiences) {
    if (!audience.encryption) continue;
    auto key = load_encryption_key(*audience.encryption);
    if (key) {
      policy.encryption_keys.emplace(uri, std::move(*key));
    } else {
      faults.push_back("audiences[\"" + uri + "\"].encryption.jwks_file: " + key.error());
    }
  }
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return policy;
}

std::vector<std::string_view> encryption_algs_of(const grants::Policy& policy) {
  std::set<std::string_view> algs;
  for (const auto& [audience, key] : policy.encryption_keys) {
    algs.insert(jose::name(key->algorithm()));
  }
  return {algs.begin(), algs.end()};
}

keys::RotationSettings rotation_of(const config::Config& config) {
  keys::RotationSettings settings;
  settings.rotate_every = config.keys.rotate_every;
  settings.publish_before = config.keys.publish_before;
  settings.max_lifetime = config.tokens.max_lifetime;
  settings.clock_skew = config.tokens.clock_skew;
  settings.pinned = config.keys.signing_key;
  if (config.storage.backend == config::StorageBackend::postgresql) {
    // Rounded up: what is cut off stops before the others count on it.
    settings.unheard = config.storage.offline_grace + std::chrono::seconds{1};
  }
  return settings;
}

clients::Authenticator::Settings authentication_of(const config::Config& config) {
  return {config.limits.auth_failures, config.limits.failure_delay};
}

endpoints::RevocationsEndpoint::Settings feed_of(const config::Config& config) {
  return {config.limits.feed_wait, config.limits.feed_waiters, config.limits.feed_entries};
}

Freshness::Bounds freshness_of(const config::Config& config) {
  if (config.storage.backend == config::StorageBackend::sqlite) return {};
  // Four readings are due in it: less would be an outage each time one is late. The second that
  // keys stay published beyond the grace allows it.
  constexpr std::chrono::milliseconds least_grace{1000};
  return {config.limits.staleness,
          std::max<std::chrono::milliseconds>(config.storage.offline_grace, least_grace)};
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
