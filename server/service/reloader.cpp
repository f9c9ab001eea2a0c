#include "server/service/reloader.h"

#include "server/service/settings.h"

namespace grantd::service {

std::expected<clients::Peppers::Loaded, std::string> load_covering_peppers(
    const std::filesystem::path& file, storage::PepperStore& store) {
  auto loaded = clients::Peppers::load(file);
  if (!loaded) return loaded;
  const auto in_use = store.peppers_in_use();
  if (!in_use) return std::unexpected("storage: " + in_use.error().detail);
  if (const auto covered = loaded->peppers.covers(*in_use); !covered) {
    return std::unexpected("storage.pepper_file: " + file.string() + ": " + covered.error());
  }
  return loaded;
}

void log_encryption_keys(const grants::Policy& before, const grants::Policy& now,
                         observe::Log& log) {
  for (const auto& [audience, key] : now.encryption_keys) {
    const auto known = before.encryption_keys.find(audience);
    if (known != before.encryption_keys.end() && known->second->kid() == key->kid()) continue;
    log.event(observe::Level::info, "encryption_key",
              {{"audience", std::string_view(audience)}, {"kid", std::string_view(key->kid())}});
  }
}

void Reloader::reload() {
  auto built = build();
  if (!built) {
    report_failure(built.error());
    return;
  }
  // The last step that can fail: it either takes the new settings whole, or changes nothing.
  if (const auto keys = targets_.keys.reload(rotation_of(built->plan.effective)); !keys) {
    report_failure({"keys: " + keys.error()});
    return;
  }
  swap(std::move(*built));
}

std::expected<Reloader::Built, std::vector<std::string>> Reloader::build() const {
  const auto next = config::load(running_.file, environment_);
  if (!next) {
    std::vector<std::string> faults;
    for (const auto& fault : next.error()) faults.push_back(config::describe(fault));
    return std::unexpected(std::move(faults));
  }
  Built built{config::plan_reload(running_, *next), nullptr, nullptr, nullptr, {}};

  std::vector<std::string> faults;
  const auto& listen = built.plan.effective.listen;
  auto tls = http::tls::Context::make(listen.certificate_file, listen.private_key_file,
                                      targets_.ticket_keys);
  if (tls) {
    built.tls = std::move(*tls);
  } else {
    faults.push_back("listen.tls: " + tls.error());
  }
  auto peppers =
      load_covering_peppers(built.plan.effective.storage.pepper_file, targets_.pepper_store);
  if (peppers) {
    built.warning = peppers->warning.value_or("");
    built.peppers = std::make_shared<const clients::Peppers>(std::move(peppers->peppers));
  } else {
    faults.push_back(peppers.error());
  }
  auto policy = load_policy(built.plan.effective);
  if (policy) {
    built.policy = std::make_shared<const grants::Policy>(std::move(*policy));
  } else {
    faults.insert(faults.end(), policy.error().begin(), policy.error().end());
  }
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return built;
}

void Reloader::swap(Built built) {
  const auto& config = built.plan.effective;
  targets_.limits.set(std::make_shared<const http::Limits>(limits_of(config)));
  log_encryption_keys(*targets_.policy.get(), *built.policy, targets_.log);
  targets_.policy.set(built.policy);
  targets_.advertise(*built.policy);
  targets_.tls.set(built.tls);
  targets_.peppers.set(built.peppers);
  targets_.authenticator.set(authentication_of(config));
  targets_.jwks.set_max_age(config.keys.jwks_max_age);
  targets_.metadata.set_max_age(config.keys.jwks_max_age);
  targets_.openid_configuration.set_max_age(config.keys.jwks_max_age);
  targets_.feed.set(feed_of(config));
  targets_.status_lists.set_ttl(config.status_lists.ttl);
  targets_.freshness.set_bounds(freshness_of(config));
  targets_.log.set_level(level_of(config.log.level));
  targets_.metrics.certificate_expires(built.tls->not_after().time_since_epoch().count());
  targets_.metrics.config_reloaded();

  for (const auto& path : built.plan.needs_restart) {
    targets_.log.event(observe::Level::warn, "reload_needs_restart",
                       {{"key", std::string_view(path)}});
  }
  for (const auto& warning : {built.warning, built.tls->warning()}) {
    if (warning.empty()) continue;
    targets_.log.event(observe::Level::warn, "file_permissions",
                       {{"detail", std::string_view(warning)}});
  }
  targets_.log.event(observe::Level::info, "reload",
                     {{"file", std::string_view(config.file.native())}});
  running_ = std::move(built.plan.effective);
}

void Reloader::report_failure(const std::vector<std::string>& faults) {
  for (const auto& fault : faults) {
    targets_.log.event(observe::Level::error, "reload_fault", {{"fault", std::string_view(fault)}});
  }
  targets_.log.event(observe::Level::error, "reload_failed",
                     {{"faults", static_cast<std::int64_t>(faults.size())},
                      {"detail", std::string_view("what runs stays in force")}});
  targets_.metrics.config_reload_failed();
}

}  // namespace grantd::service
