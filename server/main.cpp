// The wiring diagram: the one place that constructs the server's parts and joins them. No
// singletons, no self-registration. What each part does stands in its own header.
#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <memory>
#include <optional>
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
#include "server/service/following.h"
#include "server/service/key_custody.h"
#include "server/service/key_events.h"
#include "server/service/maintenance.h"
#include "server/service/reloader.h"
#include "server/service/settings.h"
#include "server/service/signing.h"
#include "server/service/status_lists.h"
#include "server/service/storage.h"
#include "server/service/storage_clock.h"
#include "server/tokens/resolver.h"
#include "storage/postgres/environment.h"
#include "storage/sqlite/sqlite_storage.h"

namespace grantd {
namespace {

constexpr std::size_t sqlite_blocking_threads = 2;
/// On PostgreSQL: a client that is not in memory is a round trip there.
constexpr std::size_t max_cached_clients_shared = 65536;
constexpr std::size_t max_blocking_pending = 1024;
/// On PostgreSQL: how long a request waits for a thread while all of them wait for the database.
constexpr std::chrono::seconds max_blocking_queued{2};
/// Following and maintenance: a connection each, so that neither waits behind requests.
constexpr std::size_t connections_of_our_own = 2;

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

/// What is large and comes and goes (tables of revocations that grow, documents of lists) is to be
/// given back to the system, not kept in heaps that fragment: glibc else raises its threshold with
/// the first large block that is freed.
void give_back_large_blocks() {
  constexpr int threshold_bytes = 128 * 1024;
  static_cast<void>(::mallopt(M_MMAP_THRESHOLD, threshold_bytes));
}

template <typename Endpoint>
http::Handler handler(Endpoint& endpoint) {
  return [&endpoint](const http::Request& request) { return endpoint.handle(request); };
}

bool is_shared(const config::Config& config) {
  return config.storage.backend == config::StorageBackend::postgresql;
}

struct Database {
  std::unique_ptr<storage::Storage> storage{};
  std::optional<storage::sqlite::ServerLock> only_server{};
};

/// The database with a schema that this binary works with. That of SQLite is this server's alone,
/// made and brought up to date where it must be; one that nodes share is never touched: old ones
/// may be at work on it. Error: one sentence.
std::expected<Database, std::string> open_database(const config::Config& config, sys_seconds now) {
  const auto failed = [](const std::string& why) { return std::unexpected("storage.url: " + why); };
  Database database;
  auto opened = service::open_storage(config.storage, service::CreateStorage::yes);
  if (!opened) return failed(opened.error());
  database.storage = std::move(*opened);
  if (is_shared(config)) {
    const auto missing = cli::missing_migrations(*database.storage);
    if (!missing) return failed(missing.error());
    if (!missing->empty()) {
      return failed(service::name_of(config.storage) +
                    ": the schema is behind this grantd; run `grantd migrate`");
    }
    return database;
  }
  auto lock = storage::sqlite::ServerLock::acquire(config.storage.sqlite_path);
  if (!lock) return std::unexpected(lock.error());
  database.only_server.emplace(std::move(*lock));
  if (const auto migrated = cli::migrate(*database.storage, now); !migrated) {
    return failed(migrated.error());
  }
  return database;
}

std::size_t blocking_threads(const config::Config& config) {
  if (!is_shared(config)) return sqlite_blocking_threads;
  return std::max(config.storage.connections, connections_of_our_own + 1) - connections_of_our_own;
}

BlockingPool::Duration max_queued(const config::Config& config) {
  return is_shared(config) ? max_blocking_queued : BlockingPool::any_time;
}

void warn_of_storage(storage::Storage& storage, observe::Log& log) {
  const auto warnings = storage.warnings();
  if (!warnings) return;  // following says that it is away
  for (const auto& warning : *warnings) {
    log.event(observe::Level::warn, "storage_warning", {{"detail", std::string_view(warning)}});
  }
}

int serve(const cli::ServeRequest& request) {
  // Until the server's own handler is there, a SIGHUP must not end a starting process: the
  // configuration was read just now.
  static_cast<void>(std::signal(SIGHUP, SIG_IGN));
  protect_memory();
  give_back_large_blocks();
  const auto& config = request.config;
  SystemRandom random;
  SystemClock node_clock;
  // For all that other nodes see: on a database that they share, its time.
  service::StorageClock clock(node_clock);

  // Storage and secrets.
  const auto database = open_database(config, floor_seconds(clock.now()));
  if (!database) return fail(cannot_be_done, database.error());
  storage::Storage& storage = *database->storage;
  if (const auto read = clock.ask(storage); !read) {
    return fail(cannot_be_done, "storage.url: " + read.error().detail);
  }
  auto loaded_peppers = service::load_covering_peppers(config.storage.pepper_file, storage);
  if (!loaded_peppers) return fail(bad_configuration, loaded_peppers.error());
  Snapshot<clients::Peppers> peppers(
      std::make_shared<const clients::Peppers>(std::move(loaded_peppers->peppers)));

  // TLS.
  auto ticket_keys = std::make_shared<http::tls::TicketKeys>(node_clock, random);
  auto tls_context = http::tls::Context::make(config.listen.certificate_file,
                                              config.listen.private_key_file, ticket_keys);
  if (!tls_context) return fail(bad_configuration, "listen.tls: " + tls_context.error());
  Snapshot<http::tls::Context> tls(*tls_context);

  // Log and metrics.
  observe::Log log(node_clock, service::level_of(config.log.level),
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
  warn_of_storage(storage, log);

  // Keys.
  service::KeyEvents key_events(log, metrics);
  const auto custody =
      service::make_custody(config.keys, storage, random, keys::DatabaseCustody::Cover::required);
  if (!custody) return fail(bad_configuration, custody.error());
  keys::KeyRing key_ring(**custody, storage, clock,
                         [&](const keys::KeyEvent& event) { key_events.report(event); });
  service::Signing signing(config.keys.signer, node_clock, log, metrics);
  keys::Signer& signer = signing.signer();

  // Clients.
  BlockingPool pool(blocking_threads(config), max_blocking_pending, max_queued(config));
  clients::ClientCache client_cache(
      storage, pool, [&](bool hit) { metrics.client_cache(hit); },
      is_shared(config) ? max_cached_clients_shared : clients::ClientCache::default_max_entries);
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
  tokens::ReferenceTokens references(storage, pool, random);
  const tokens::Resolver resolver(config.issuer, key_ring.key_set(), references);
  tokens::StatusLists status_lists;
  tokens::StatusIndexes status_indexes(
      service::reserve_from(storage, status_lists, metrics, config.status_lists),
      service::status_indexes_of(config), pool, clock);
  const tokens::Issuer issuer(config.issuer, key_ring.key_set(), signer, references, status_indexes,
                              random);
  const grants::ClientCredentials client_credentials(policy, issuer);
  Freshness freshness(service::freshness_of(config), clock.steady());
  const grants::TokenExchange token_exchange(policy, resolver, revocations, config.issuer, issuer,
                                             freshness, clock);
  const std::vector<const grants::Grant*> grants{&client_credentials, &token_exchange};
  std::vector<std::string_view> grant_types;
  grant_types.reserve(grants.size());
  for (const auto* grant : grants) grant_types.push_back(grant->grant_type());

  // Endpoints.
  std::atomic<bool> leaving{false};
  endpoints::TokenEndpoint token(authenticator, grants, policy, freshness, clock, metrics);
  endpoints::IntrospectEndpoint introspect({authenticator, config.issuer, key_ring.key_set(),
                                            signer, resolver, revocations, freshness, clock,
                                            metrics});
  endpoints::RevokeEndpoint revoke({authenticator, resolver, policy, storage, revocations,
                                    status_lists, pool, freshness, clock, metrics, feed_hub});
  endpoints::FeedBuilder feed_builder({config.issuer, key_ring.key_set(), storage, pool, clock});
  endpoints::RevocationsEndpoint feed({authenticator, feed_builder, feed_hub, clock, metrics},
                                      service::feed_of(config));
  endpoints::JwksEndpoint jwks(key_ring.key_set(), config.keys.jwks_max_age, freshness, clock);
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
      {config.issuer, status_documents, status_lists, storage, pool, policy, freshness, clock});
  const endpoints::HealthEndpoint health({freshness, key_ring.key_set(), leaving, clock});
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
  Snapshot<http::Limits> limits(std::make_shared<const http::Limits>(service::limits_of(config)));
  service::Reloader reloader(
      config, request.environment,
      {limits, policy, tls, peppers, authenticator, jwks, metadata, openid_configuration, advertise,
       feed, status_documents, freshness, key_ring, storage, ticket_keys, log, metrics});
  service::Maintenance maintenance({storage, key_ring, last_used, revocations, status_lists, policy,
                                    reloader, freshness, feed_hub, clock, log, metrics});
  const auto newest = storage.newest_change();
  if (!newest) return fail(cannot_be_done, "storage.url: " + newest.error().detail);
  storage::ChangeFollower follower(storage, *newest);
  service::Changes changes({storage, storage, client_cache, revocations, status_lists,
                            status_indexes,
                            [&](bool then_wake) {
                              key_ring.note_change();
                              maintenance.keys_changed(then_wake);
                            },
                            feed_hub, log});
  if (const auto read = changes.load_revocations(); !read) {
    return fail(cannot_be_done, "storage.url: " + read.error().detail);
  }
  follower.subscribe(changes.subscriber());
  service::Following following({storage, follower, changes, clock, freshness, policy, revocations,
                                feed_hub, log, metrics,
                                [&key_ring] { return key_ring.is_behind(); }});
  following.turn();

  // The server itself.
  const auto cores = std::max(std::thread::hardware_concurrency(), 1U);
  http::Server server({node_clock, random, log, metrics, limits},
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

  std::jthread maintenance_thread([&](const std::stop_token& stop) { maintenance.run(stop); });
  std::jthread following_thread([&](const std::stop_token& stop) { following.run(stop); });
  server.run({.on_sighup = [&maintenance] { maintenance.request_reload(); },
              .on_leaving = [&leaving] { leaving = true; },
              .on_stopping = [&feed_hub] { feed_hub.close(); }});
  // Each may be waiting for the database: both hear of it before either is waited for.
  following_thread.request_stop();
  maintenance_thread.request_stop();
  following_thread.join();
  maintenance_thread.join();
  pool.join();
  log.event(observe::Level::info, "stop");
  return 0;
}

}  // namespace
}  // namespace grantd

int main(int argc, char** argv) {
  grantd::open_standard_descriptors();
  grantd::storage::postgres::forget_environment();
  return grantd::cli::run(argc, argv, grantd::serve);
}
