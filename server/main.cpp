// The wiring diagram: the one place that constructs the server's parts and joins them. No
// singletons, no self-registration. What each part does stands in its own header.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <thread>

#include "server/base/blocking_pool.h"
#include "server/cli/app.h"
#include "server/cli/migrate.h"
#include "server/endpoints/health.h"
#include "server/endpoints/introspect.h"
#include "server/endpoints/jwks.h"
#include "server/endpoints/metadata.h"
#include "server/endpoints/metrics.h"
#include "server/endpoints/revocations.h"
#include "server/endpoints/revoke.h"
#include "server/endpoints/status_list.h"
#include "server/endpoints/token.h"
#include "server/grants/client_credentials.h"
#include "server/grants/token_exchange.h"
#include "server/service/changes.h"
#include "server/service/key_events.h"
#include "server/service/maintenance.h"
#include "server/service/reloader.h"
#include "server/service/settings.h"
#include "server/service/status_lists.h"
#include "server/service/storage.h"
#include "server/tokens/resolver.h"
#include "storage/sqlite/sqlite_storage.h"

namespace grantd {
namespace {

constexpr std::size_t blocking_threads = 2;
constexpr std::size_t max_blocking_pending = 1024;

constexpr int cannot_be_done = 1;
constexpr int bad_configuration = 2;

int fail(int status, std::string_view what) {
  std::cerr << "grantd: " << what << "\n";
  return status;
}

int fail_all(int status, const std::vector<std::string>& faults) {
  for (const auto& fault : faults) static_cast<void>(fail(status, fault));
  return status;
}

/// A descriptor that was closed when the process started would be given to the next file opened,
/// and log lines would be written into a database.
void open_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) == -1) static_cast<void>(::open("/dev/null", O_RDWR));
  }
}

/// The process holds private keys and peppers: no core dump, no debugger of another user's.
void protect_memory() {
  const rlimit none{0, 0};
  // Both may be refused inside a sandbox, which then has its own way to say so.
  static_cast<void>(::setrlimit(RLIMIT_CORE, &none));
  static_cast<void>(::prctl(PR_SET_DUMPABLE, 0));
}

template <typename Endpoint>
http::Handler handler(Endpoint& endpoint) {
  return [&endpoint](const http::Request& request) { return endpoint.handle(request); };
}

int serve(const cli::ServeRequest& request) {
  // Until the server's own handler is there, a SIGHUP must not end a starting process: the
  // configuration was read just now.
  static_cast<void>(std::signal(SIGHUP, SIG_IGN));
  protect_memory();
  const auto& config = request.config;
  SystemClock clock;
  SystemRandom random;

  // Storage and secrets.
  auto storage = service::open_storage(config.storage, service::CreateStorage::yes);
  if (!storage) return fail(cannot_be_done, "storage.url: " + storage.error());
  const auto only_server = storage::sqlite::ServerLock::acquire(config.storage.sqlite_path);
  if (!only_server) return fail(cannot_be_done, only_server.error());
  if (const auto migrated = cli::migrate(**storage, floor_seconds(clock.now())); !migrated) {
    return fail(cannot_be_done, "storage.url: " + migrated.error());
  }
  auto loaded_peppers = service::load_covering_peppers(config.storage.pepper_file, **storage);
  if (!loaded_peppers) return fail(bad_configuration, loaded_peppers.error());
  Snapshot<clients::Peppers> peppers(
      std::make_shared<const clients::Peppers>(std::move(loaded_peppers->peppers)));

  // TLS.
  auto ticket_keys = std::make_shared<http::tls::TicketKeys>(clock, random);
  auto tls_context = http::tls::Context::make(config.listen.certificate_file,
                                              config.listen.private_key_file, ticket_keys);
  if (!tls_context) return fail(bad_configuration, "listen.tls: " + tls_context.error());
  Snapshot<http::tls::Context> tls(*tls_context);

  // Log and metrics.
  observe::Log log(clock, service::level_of(config.log.level),
                   service::format_of(config.log.format));
  observe::Metrics metrics;
  metrics.log_dropped_from([&log] { return log.dropped(); });
  metrics.certificate_expires((*tls_context)->not_after().time_since_epoch().count());
  for (const auto& warning : {loaded_peppers->warning.value_or(""), (*tls_context)->warning()}) {
    if (warning.empty()) continue;
    log.event(observe::Level::warn, "file_permissions", {{"detail", std::string_view(warning)}});
  }
  log.event(observe::Level::info, "start",
            {{"version", std::string_view(GRANTD_VERSION)},
             {"issuer", std::string_view(config.issuer)},
             {"config", std::string_view(config.file.native())}});

  // Keys.
  service::KeyEvents key_events(log, metrics);
  keys::KeyRing key_ring(config.keys.directory, **storage, clock,
                         [&](const keys::KeyEvent& event) { key_events.report(event); });
  keys::OpenSslSigner signer;

  // Clients.
  BlockingPool pool(blocking_threads, max_blocking_pending);
  clients::ClientCache client_cache(**storage, pool, [&](bool hit) { metrics.client_cache(hit); });
  std::uint64_t seed = 0;
  random.fill(std::as_writable_bytes(std::span(&seed, 1)));
  clients::FailureCounter failures(seed);
  clients::LastUsed last_used;
  clients::Authenticator authenticator(client_cache, peppers, failures, last_used, clock,
                                       service::authentication_of(config));

  // Tokens and grants.
  auto loaded_policy = service::load_policy(config);
  if (!loaded_policy) return fail_all(bad_configuration, loaded_policy.error());
  Snapshot<grants::Policy> policy(
      std::make_shared<const grants::Policy>(std::move(*loaded_policy)));
  service::log_encryption_keys({}, *policy.get(), log);
  tokens::Revocations revocations;
  WakeHub feed_hub;
  tokens::ReferenceTokens references(**storage, pool, random);
  const tokens::Resolver resolver(config.issuer, key_ring.key_set(), references);
  tokens::StatusLists status_lists;
  tokens::StatusIndexes status_indexes(
      service::reserve_from(**storage, status_lists, metrics, config.status_lists),
      {config.status_lists.window, static_cast<std::uint32_t>(config.status_lists.block)}, pool,
      clock);
  const tokens::Issuer issuer(config.issuer, key_ring.key_set(), signer, references, status_indexes,
                              random);
  const grants::ClientCredentials client_credentials(policy, issuer);
  const grants::TokenExchange token_exchange(policy, resolver, revocations, config.issuer, issuer);
  const std::vector<const grants::Grant*> grants{&client_credentials, &token_exchange};
  std::vector<std::string_view> grant_types;
  grant_types.reserve(grants.size());
  for (const auto* grant : grants) grant_types.push_back(grant->grant_type());

  // Endpoints.
  std::atomic<bool> storage_answers{true};
  endpoints::TokenEndpoint token(authenticator, grants, policy, clock, metrics);
  endpoints::IntrospectEndpoint introspect({authenticator, config.issuer, key_ring.key_set(),
                                            signer, resolver, revocations, clock, metrics});
  endpoints::RevokeEndpoint revoke({authenticator, resolver, policy, **storage, revocations,
                                    status_lists, pool, clock, metrics, feed_hub});
  endpoints::FeedBuilder feed_builder({config.issuer, key_ring.key_set(), **storage, pool, clock});
  endpoints::RevocationsEndpoint feed({authenticator, feed_builder, feed_hub, clock, metrics},
                                      service::feed_of(config));
  endpoints::JwksEndpoint jwks(key_ring.key_set(), config.keys.jwks_max_age);
  using endpoints::MetadataKind;
  const auto document = [&](const grants::Policy& by, MetadataKind kind) {
    return endpoints::render_metadata({config.issuer, grant_types, service::encryption_algs_of(by),
                                       by.trust_domain, by.status_lists},
                                      kind);
  };
  endpoints::MetadataEndpoint metadata(document(*policy.get(), MetadataKind::authorization_server),
                                       config.keys.jwks_max_age);
  endpoints::MetadataEndpoint openid_configuration(
      document(*policy.get(), MetadataKind::openid_provider), config.keys.jwks_max_age);
  const auto advertise = [&](const grants::Policy& by) {
    metadata.set_document(document(by, MetadataKind::authorization_server));
    openid_configuration.set_document(document(by, MetadataKind::openid_provider));
  };
  endpoints::StatusListDocuments status_documents(
      {config.issuer, status_lists, key_ring.key_set(), signer, pool, clock},
      config.status_lists.ttl);
  const endpoints::StatusListEndpoint status_list(
      {config.issuer, status_documents, status_lists, **storage, pool, policy, clock});
  endpoints::HealthEndpoint health(storage_answers, key_ring.key_set());
  endpoints::MetricsEndpoint metrics_text(metrics);

  using http::Method;
  const auto paths = endpoints::paths_of(config.issuer);
  std::vector<http::Route> public_routes{
      {paths.base_path + "/token", "token", Method::post, handler(token)},
      {paths.base_path + "/introspect", "introspect", Method::post, handler(introspect)},
      {paths.base_path + "/revoke", "revoke", Method::post, handler(revoke)},
      {paths.base_path + "/revocations", "revocations", Method::get, handler(feed)},
      {paths.base_path + "/.well-known/jwks.json", "jwks", Method::get, handler(jwks)},
      {paths.metadata_path, "metadata", Method::get, handler(metadata)},
      {paths.base_path + "/status", "status_lists", Method::get,
       [&](const http::Request& r) { return status_list.aggregate(r); }},
      {paths.base_path + "/status/", "status_list", Method::get, handler(status_list),
       http::Route::Covers::children},
  };
  if (config.metadata.openid_configuration) {
    public_routes.push_back(
        {paths.openid_path, "openid_configuration", Method::get, handler(openid_configuration)});
  }
  const http::Router public_router(std::move(public_routes));
  const http::Router ops_router({
      {"/healthz", "healthz", Method::get, [&](const http::Request& r) { return health.live(r); }},
      {"/readyz", "readyz", Method::get, [&](const http::Request& r) { return health.ready(r); }},
      {"/metrics", "metrics", Method::get, handler(metrics_text)},
  });

  // What changes while the server runs.
  const auto newest = (*storage)->newest_change();
  if (!newest) return fail(cannot_be_done, "storage.url: " + newest.error().detail);
  storage::ChangeFollower follower(**storage, *newest);
  service::Changes changes({**storage, client_cache, revocations, status_lists, status_indexes,
                            key_ring, feed_hub, clock, log});
  if (const auto read = changes.load_revocations(); !read) {
    return fail(cannot_be_done, "storage.url: " + read.error().detail);
  }
  follower.subscribe(changes.subscriber());
  Snapshot<http::Limits> limits(std::make_shared<const http::Limits>(service::limits_of(config)));
  service::Reloader reloader(
      config, request.environment,
      {limits, policy, tls, peppers, authenticator, jwks, metadata, openid_configuration, advertise,
       feed, status_documents, key_ring, **storage, ticket_keys, log, metrics});
  service::Maintenance maintenance({**storage, follower, changes, key_ring, last_used, revocations,
                                    status_lists, policy, reloader, storage_answers, clock, log,
                                    metrics});

  // The server itself.
  const auto cores = std::max(std::thread::hardware_concurrency(), 1U);
  http::Server server({clock, random, log, metrics, limits},
                      config.listen.workers == 0 ? cores : config.listen.workers);
  const auto port =
      server.listen({config.listen.address, config.listen.port, &public_router, &tls, true});
  if (!port) return fail(cannot_be_done, "listen: " + port.error());
  const auto ops_port =
      server.listen({config.ops.address, config.ops.port, &ops_router, nullptr, false});
  if (!ops_port) return fail(cannot_be_done, "ops: " + ops_port.error());
  // Only now: a server that cannot listen must not have published a key.
  if (const auto started = key_ring.start(service::rotation_of(config)); !started) {
    return fail(cannot_be_done, "keys: " + started.error());
  }
  log.event(observe::Level::info, "listening",
            {{"address", std::string_view(config.listen.address)},
             {"port", std::int64_t{*port}},
             {"ops_address", std::string_view(config.ops.address)},
             {"ops_port", std::int64_t{*ops_port}}});
  if (request.on_ready) request.on_ready(*port, *ops_port);

  std::jthread maintenance_thread(
      [&maintenance](const std::stop_token& stop) { maintenance.run(stop); });
  server.run({.on_sighup = [&maintenance] { maintenance.request_reload(); },
              .on_leaving = {},
              .on_stopping = [&feed_hub] { feed_hub.close(); }});
  maintenance_thread.request_stop();
  maintenance_thread.join();
  pool.join();
  log.event(observe::Level::info, "stop");
  return 0;
}

}  // namespace
}  // namespace grantd

int main(int argc, char** argv) {
  grantd::open_standard_descriptors();
  return grantd::cli::run(argc, argv, grantd::serve);
}
