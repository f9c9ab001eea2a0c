/// SIGHUP: parse, validate, build, then swap at once; whatever is broken leaves what runs in force
/// (interface.md, "Reload").
///
/// One thread calls reload(): the maintenance thread, which is also the key ring's.
#pragma once

#include <functional>
#include <memory>

#include "config/load.h"
#include "server/base/freshness.h"
#include "server/base/snapshot.h"
#include "server/clients/authenticator.h"
#include "server/clients/peppers.h"
#include "server/endpoints/jwks.h"
#include "server/endpoints/metadata.h"
#include "server/endpoints/revocations.h"
#include "server/endpoints/status_list_documents.h"
#include "server/grants/policy.h"
#include "server/http/server.h"
#include "server/http/tls/context.h"
#include "server/keys/key_ring.h"
#include "server/observe/log.h"
#include "server/observe/metrics.h"

namespace grantd::service {

class Reloader {
 public:
  /// What a reload replaces, and what it reports to.
  struct Targets {
    Snapshot<http::Limits>& limits;
    Snapshot<grants::Policy>& policy;
    Snapshot<http::tls::Context>& tls;
    Snapshot<clients::Peppers>& peppers;
    clients::Authenticator& authenticator;
    endpoints::JwksEndpoint& jwks;
    endpoints::MetadataEndpoint& metadata;
    endpoints::MetadataEndpoint& openid_configuration;
    std::function<void(const grants::Policy&)> advertise;  // renders both anew
    endpoints::RevocationsEndpoint& feed;
    endpoints::StatusListDocuments& status_lists;
    Freshness& freshness;
    keys::KeyRing& keys;
    storage::PepperStore& pepper_store;
    std::shared_ptr<http::tls::TicketKeys> ticket_keys;
    observe::Log& log;
    observe::Metrics& metrics;
  };

  Reloader(config::Config running, config::Environment environment, Targets targets)
      : running_(std::move(running)),
        environment_(std::move(environment)),
        targets_(std::move(targets)) {}

  /// Never throws; what was wrong is in the log, fault by fault, and counted.
  void reload();

 private:
  /// Everything that can fail, made before anything is swapped.
  struct Built {
    config::ReloadPlan plan;
    std::shared_ptr<const http::tls::Context> tls;
    std::shared_ptr<const clients::Peppers> peppers;
    std::shared_ptr<const grants::Policy> policy;
    std::string warning{};  // of the pepper file
  };
  [[nodiscard]] std::expected<Built, std::vector<std::string>> build() const;
  void swap(Built built);
  void report_failure(const std::vector<std::string>& faults);

  config::Config running_;
  const config::Environment environment_;
  Targets targets_;
};

/// An event for each audience whose encryption key is another one than `before`.
void log_encryption_keys(const grants::Policy& before, const grants::Policy& now,
                         observe::Log& log);

/// The peppers of the file, where they cover what the database uses; one sentence otherwise.
[[nodiscard]] std::expected<clients::Peppers::Loaded, std::string> load_covering_peppers(
    const std::filesystem::path& file, storage::PepperStore& store);

}  // namespace grantd::service
