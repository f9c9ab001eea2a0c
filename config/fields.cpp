/// The one table behind parser, schema, example, reference page, `show` and reload.
#include <algorithm>
#include <chrono>
#include <utility>

#include "config/audiences.h"
#include "config/codecs.h"
#include "config/field.h"
#include "config/issuers.h"
#include "config/storage_url.h"
#include "server/base/text.h"

namespace grantd::config {
namespace {

constexpr auto restart = Reload::needs_restart;
constexpr auto applies = Reload::applies;

/// A field whose member `at` finds in a Config, const or not.
template <typename T, typename At>
Field field(Words words, const Codec<T>& codec, At at) {
  Field made;
  made.words = std::move(words);
  made.expected = codec.expected;
  made.schema = codec.schema;
  made.number = codec.number;
  made.read = [codec, at](const Json& value, const std::string& label, Config& config,
                          Faults& faults) {
    auto decoded = codec.decode(value, config.file.parent_path());
    if (decoded) {
      at(config) = *std::move(decoded);
    } else {
      faults.push_back({label, found_text(value), codec.expected});
    }
  };
  made.write = [codec, at](const Config& config) { return codec.encode(at(config)); };
  made.copy = [at](const Config& from, Config& to) { at(to) = at(from); };
  return made;
}

template <typename T, typename Group, typename Member>
Field field(Words words, const Codec<T>& codec, Group Config::* group, Member Group::* member) {
  return field(std::move(words), codec,
               [group, member](auto& config) -> auto& { return config.*group.*member; });
}

// A choice of one, so far: nothing to keep in a Config.
Field algorithm(Words words) {
  Field made;
  made.words = std::move(words);
  made.expected = "\"RS256\"";
  made.schema = {{"const", "RS256"}};
  made.read = [expected = made.expected](const Json& value, const std::string& label, Config&,
                                         Faults& faults) {
    if (value != "RS256") faults.push_back({label, found_text(value), expected});
  };
  made.write = [](const Config&) -> OrderedJson { return "RS256"; };
  made.copy = [](const Config&, Config&) {};
  return made;
}

/// A map whose objects have members of their own; `at` finds it in a Config, const or not.
template <typename T, typename At>
Field map_field(Words words, const KeyWords& keys, const std::vector<Member<T>>& members, At at) {
  Field made;
  made.expected = map_expected(words.path);
  made.words = std::move(words);
  made.schema = map_schema(keys, words_of(members));
  made.read = [&keys, &members, at](const Json& value, const std::string& label, Config& config,
                                    Faults& faults) {
    read_map(value, label, config.file.parent_path(), keys, members, at(config), faults);
  };
  made.write = [&members, at](const Config& config) { return write_map(at(config), members); };
  made.copy = [at](const Config& from, Config& to) { at(to) = at(from); };
  return made;
}

using C = Config;

std::vector<Field> server_fields() {
  constexpr std::size_t max_workers = 256;
  return {
      field({"issuer", "", R"("https://auth.example.com")", restart,
             "`iss` of every token; the endpoints stand below it",
             "The issuer identifier (RFC 8414 §2): `iss` of every token and `issuer` of the "
             "metadata, byte for byte, and less a final `/` the prefix of all endpoints."},
            issuer(), [](auto& config) -> auto& { return config.issuer; }),
      field({"listen.address", R"("0.0.0.0")", "", restart, "\"::\" for IPv6",
             "Where the public listener binds."},
            ip_address(), &C::listen, &C::Listen::address),
      field({"listen.port", "8443", "", restart, "0: any free port",
             "The public listener's port; 0 takes any free one and logs which."},
            port(), &C::listen, &C::Listen::port),
      field({"listen.workers", "0", "", restart, "event loops; 0: one per core",
             "Event loops, each on a thread of its own; 0 starts one per core."},
            count(0, max_workers), &C::listen, &C::Listen::workers),
      field({"listen.tls.certificate_file", "", R"("tls/server.crt")", applies,
             "PEM: the certificate, then its chain",
             "PEM file with the server's certificate, then its chain."},
            path(), &C::listen, &C::Listen::certificate_file),
      field({"listen.tls.private_key_file", "", R"("tls/server.key")", applies, "PEM, mode 0600",
             "PEM file with the certificate's private key, readable by its owner alone."},
            path(), &C::listen, &C::Listen::private_key_file),
      field(
          {"ops.address", R"("127.0.0.1")", "", restart, "plain HTTP: keep it off the network",
           "Where the operations listener binds (`/healthz`, `/readyz`, `/metrics`; plain HTTP)."},
          ip_address(), &C::ops, &C::Ops::address),
      field({"ops.port", "9443", "", restart, "0: any free port",
             "The operations listener's port; 0 takes any free one and logs which."},
            port(), &C::ops, &C::Ops::port),
  };
}

std::vector<Field> storage_fields() {
  constexpr std::size_t max_connections = 100;
  return {
      storage_url({"storage.url", R"("sqlite:grantd.db")", "", restart,
                   "or postgresql://USER@HOST/DATABASE",
                   "The database: `sqlite:` and the path of its file, or where several nodes share "
                   "one, PostgreSQL's connection URI (`postgresql://USER@HOST,HOST/DATABASE`). The "
                   "password stands in `storage.password_file`; TLS that proves who the server is "
                   "(`sslmode=verify-full`) and a server that takes writes are the defaults."}),
      field({"storage.pepper_file", R"("pepper")", "", restart,
             "64 hex digits a line; keep it apart from backups",
             "The peppers of the client secrets' digests, one of 64 hex digits a line; the first "
             "makes new digests, all check."},
            path(), &C::storage, &C::Storage::pepper_file),
      field(
          {"storage.password_file", R"("")", "", restart, "PostgreSQL's password, mode 0600",
           "File with the password for PostgreSQL, read anew for each new connection; empty where "
           "it wants none."},
          path_or_nothing(), &C::storage, &C::Storage::password_file),
      field(
          {"storage.connections", "8", "", restart, "to PostgreSQL, at most",
           "Most connections of this node to PostgreSQL; two are for its own reading and upkeep."},
          count(3, max_connections), &C::storage, &C::Storage::connections),
      field({"storage.connect_timeout", R"("2s")", "", restart, "to PostgreSQL",
             "Time for a connection to PostgreSQL, all its hosts together."},
            duration("100ms", "1m"), &C::storage, &C::Storage::connect_timeout),
      field({"storage.statement_timeout", R"("2s")", "", restart, "on PostgreSQL",
             "Time for one statement on PostgreSQL; one that takes longer is answered as if the "
             "database were away."},
            duration("100ms", "1m"), &C::storage, &C::Storage::statement_timeout),
      field(
          {"storage.offline_grace", R"("5m")", "", applies,
           "how long to issue while PostgreSQL is away",
           "How long tokens are issued from what is cached while PostgreSQL does not answer; then "
           "`/token`, the JWKS and `/readyz` answer 503."},
          whole_seconds("0s", "1d"), &C::storage, &C::Storage::offline_grace),
  };
}

std::vector<Field> token_fields() {
  return {
      field({"keys.store", R"("directory")", "", restart,
             "or \"database\": wrapped, and shared by all nodes",
             "Where the private signing keys are: `directory`, or `database`, where they stand "
             "encrypted under `keys.wrapping_key_file` and all nodes share them. PostgreSQL needs "
             "`database`."},
            one_of<KeyStoreKind>(
                {{"directory", KeyStoreKind::directory}, {"database", KeyStoreKind::database}}),
            &C::keys, &C::Keys::store),
      field({"keys.directory", R"("keys")", "", restart, "PKCS#8 PEM, one key a file",
             "Directory of the private signing keys, PKCS#8 PEM, one key a file."},
            path(), &C::keys, &C::Keys::directory),
      field(
          {"keys.wrapping_key_file", R"("")", "", restart,
           "64 hex digits a line; for \"database\" alone",
           "The keys under which the private signing keys are encrypted in the database, one of 64 "
           "hex digits a line; the first encrypts, all decrypt. Its content is read anew at a "
           "reload."},
          path_or_nothing(), &C::keys, &C::Keys::wrapping_key_file),
      algorithm({"keys.algorithm", R"("RS256")", "", applies, "the one there is",
                 "The signature algorithm (RFC 7518 §3.3)."}),
      field(
          {"keys.signer", R"("openssl")", "", restart,
           "or \"multi-buffer\": eight at once on AVX-512 IFMA",
           "What signs: `openssl`, or `multi-buffer`, which makes up to eight signatures at once "
           "with the distribution's `libcrypto_mb` on a processor with AVX-512 IFMA. Where either "
           "is missing, OpenSSL signs, and the log says so."},
          one_of<SignerKind>(
              {{"openssl", SignerKind::openssl}, {"multi-buffer", SignerKind::multi_buffer}}),
          &C::keys, &C::Keys::signer),
      field(
          {"keys.rotate_every", R"("30d")", "", applies, "or \"never\": only the operator rotates",
           "How long a key signs before its successor does; `never` leaves it to the operator."},
          whole_seconds_or_never("1s", "3650d"), &C::keys, &C::Keys::rotate_every),
      field({"keys.publish_before", R"("15m")", "", applies,
             "a key stands in the JWKS this long before it signs",
             "How long a key stands in the JWKS before it signs, so that verifiers know it."},
            whole_seconds("0s", "7d"), &C::keys, &C::Keys::publish_before),
      field({"keys.jwks_max_age", R"("5m")", "", applies, "how long verifiers may cache the JWKS",
             "`max-age` of the JWKS and of the metadata."},
            whole_seconds("0s", "1d"), &C::keys, &C::Keys::jwks_max_age),
      field({"keys.signing_key", R"("auto")", "", applies,
             "or a kid: the operator pins the signing key, and reloads",
             "`auto`, or the kid of the key that signs; while one is pinned, nothing rotates."},
            kid_or_auto(), &C::keys, &C::Keys::signing_key),
      field({"tokens.lifetime", R"("5m")", "", applies, "of a client without one of its own",
             "Lifetime of the tokens of a client that has none of its own."},
            whole_seconds("1s", "30d"), &C::tokens, &C::Tokens::lifetime),
      field({"tokens.max_lifetime", R"("1h")", "", applies, "bounds every token",
             "Upper bound of every token's lifetime, whatever its client has."},
            whole_seconds("1s", "30d"), &C::tokens, &C::Tokens::max_lifetime),
      field({"tokens.clock_skew", R"("30s")", "", applies, "how wrong verifiers' clocks may be",
             "Lengthens how long keys stay published and revocations are kept; grantd's own checks "
             "of `exp` are exact."},
            whole_seconds("0s", "10m"), &C::tokens, &C::Tokens::clock_skew),
      field(
          {"tokens.warn_size", R"("4KiB")", "", applies, "a larger token is logged as large_token",
           "Size above which a token is logged as `large_token`: it stands in a header with "
           "others."},
          size("512B", "16KiB"), &C::tokens, &C::Tokens::warn_size_bytes),
      field({"tokens.max_size", R"("7KiB")", "", applies, "a larger token is not issued",
             "Size above which a token is not issued: many servers take 8 KiB of headers at most."},
            size("512B", "16KiB"), &C::tokens, &C::Tokens::max_size_bytes),
      map_field<Audience>(
          {"audiences", "{}", "", applies,
           R"(by URI: "https://api.example.com": {"scopes": ["api:read"], "typ": "JWT"})",
           "What is particular to an audience, by its URI. One that is not listed takes any scope "
           "and `at+jwt`."},
          audience_keys(), audience_members(),
          [](auto& config) -> auto& { return config.audiences; }),
  };
}

std::vector<Field> service_fields() {
  constexpr std::size_t max_capacity = std::size_t{1} << 24U;
  return {
      map_field<TrustedIssuer>(
          {"exchange.issuers", "{}", "", applies,
           R"(by issuer: {"jwks_file": "idp.json", "subject_prefix": "idp|"})",
           "Foreign issuers whose tokens a client may exchange, where it registered them "
           "(`--exchange-issuer`)."},
          issuer_keys(), issuer_members(),
          [](auto& config) -> auto& { return config.exchange.issuers; }),
      field({"transaction_tokens.enabled", "false", "", restart,
             "a draft: draft-ietf-oauth-transaction-tokens-10",
             "Whether token exchange issues transaction tokens (a draft, not an RFC yet)."},
            boolean(), &C::transaction_tokens, &C::TransactionTokens::enabled),
      field(
          {"transaction_tokens.trust_domain", R"("")", "", restart,
           "their `aud`: a URI that names the trust domain",
           "The trust domain, `aud` of every transaction token; required where they are enabled."},
          audience_or_nothing(), &C::transaction_tokens, &C::TransactionTokens::trust_domain),
      field({"transaction_tokens.lifetime", R"("30s")", "", applies, "the length of one call chain",
             "Lifetime of a transaction token: about as long as one call chain runs."},
            whole_seconds("1s", "5m"), &C::transaction_tokens, &C::TransactionTokens::lifetime),
      field({"status_lists.ttl", R"("30s")", "", applies, "how long verifiers may cache a list",
             "How long a verifier may cache a status list: its staleness bound."},
            whole_seconds("1s", "1d"), &C::status_lists, &C::StatusLists::ttl),
      field(
          {"status_lists.window", R"("1h")", "", restart, "tokens that expire in one share a list",
           "Tokens that expire within the same window share a list, which ends with it."},
          whole_seconds("1m", "30d"), &C::status_lists, &C::StatusLists::window),
      field(
          {"status_lists.capacity", "1048576", "", restart, "entries of a list, one bit each",
           "Entries of a list, one bit each; a full list is followed by another. A multiple of 8."},
          multiple(8, 1024, max_capacity), &C::status_lists, &C::StatusLists::capacity),
      field({"status_lists.block", "4096", "", restart, "entries a node reserves at once",
             "Entries that a node reserves with one write."},
            multiple(8, 8, 65'536), &C::status_lists, &C::StatusLists::block),
      field(
          {"metadata.openid_configuration", "false", "", restart,
           "serve /.well-known/openid-configuration, too",
           "Whether `/.well-known/openid-configuration` below the issuer is served, for libraries "
           "that look nowhere else."},
          boolean(), &C::metadata, &C::Metadata::openid_configuration),
  };
}

std::vector<Field> limit_fields() {
  constexpr std::size_t max_connections = 1'000'000;
  constexpr std::size_t max_auth_failures = 1'000'000;
  return {
      field({"limits.request_body", R"("16KiB")", "", applies, "above: 413",
             "Largest request body; a larger one is answered 413."},
            size("1KiB", "1MiB"), &C::limits, &C::Limits::request_body_bytes),
      field({"limits.request_header", R"("8KiB")", "", applies, "above: 431",
             "Largest request header; a larger one is answered 431."},
            size("1KiB", "64KiB"), &C::limits, &C::Limits::request_header_bytes),
      field({"limits.handshake_timeout", R"("5s")", "", applies, "for the TLS handshake",
             "Time for the TLS handshake."},
            duration("100ms", "1m"), &C::limits, &C::Limits::handshake_timeout),
      field({"limits.request_timeout", R"("10s")", "", applies,
             "for reading a request, anew for its answer",
             "Time for reading a request and, anew, for writing its answer."},
            duration("100ms", "5m"), &C::limits, &C::Limits::request_timeout),
      field({"limits.idle_timeout", R"("60s")", "", applies, "between requests",
             "How long a connection may be idle between requests."},
            duration("100ms", "1h"), &C::limits, &C::Limits::idle_timeout),
      field({"limits.connections", "10000", "", applies, "above: closed before the handshake",
             "Open connections; above it a newcomer is closed before its handshake."},
            count(1, max_connections), &C::limits, &C::Limits::connections),
      field({"limits.auth_failures", "60", "", applies, "a minute; above: 429",
             "Failed authentications per minute, client id and peer address; above it a wrong "
             "secret is answered 429. The right secret always works."},
            count(1, max_auth_failures), &C::limits, &C::Limits::auth_failures),
      field({"limits.failure_delay", R"("10ms")", "", applies,
             "a failed authentication is answered no sooner",
             "A failed authentication is answered no sooner, so that an unknown client, a wrong "
             "secret and a cold cache look alike. `0s` gives that up."},
            duration("0s", "5s"), &C::limits, &C::Limits::failure_delay),
      field({"limits.feed_wait", R"("30s")", "", applies, "longest wait of the revocation feed",
             "How long a reader of the revocation feed may have its answer wait for news."},
            duration("0s", "5m"), &C::limits, &C::Limits::feed_wait),
      field({"limits.feed_waiters", "1000", "", applies, "above: answered at once",
             "Readers of the revocation feed that wait at the same time; one more is answered at "
             "once."},
            count(0, max_connections), &C::limits, &C::Limits::feed_waiters),
      field({"limits.feed_entries", "10000", "", applies, "of one answer of the feed",
             "Entries of one answer of the revocation feed; the reader asks on for more."},
            count(100, 100'000), &C::limits, &C::Limits::feed_entries),
      field(
          {"limits.staleness", R"("1s")", "", applies, "on PostgreSQL, of what introspection knows",
           "How long ago this node may have read the changes of the others, on PostgreSQL, and "
           "still answer introspection; then it answers 503."},
          duration("500ms", "1m"), &C::limits, &C::Limits::staleness),
      field(
          {"limits.drain", R"("0s")", "", applies, "from SIGTERM until it accepts no more",
           "How long after SIGTERM the server, no longer ready, accepts connections yet: until the "
           "load balancer has noticed."},
          duration("0s", "5m"), &C::limits, &C::Limits::drain),
      field({"log.level", R"("info")", "", applies, "debug, info, warn or error",
             "The least level that is logged."},
            one_of<LogLevel>({{"debug", LogLevel::debug},
                              {"info", LogLevel::info},
                              {"warn", LogLevel::warn},
                              {"error", LogLevel::error}}),
            &C::log, &C::Log::level),
      field({"log.format", R"("json")", "", restart, "json or text",
             "One JSON object a line, or text for a terminal."},
            one_of<LogFormat>({{"json", LogFormat::json}, {"text", LogFormat::text}}), &C::log,
            &C::Log::format),
  };
}

bool on_postgres(const Config& config) {
  return config.storage.backend == StorageBackend::postgresql;
}

}  // namespace

const std::vector<Field>& fields() {
  static const std::vector<Field> table = [] {
    auto all = server_fields();
    std::ranges::move(storage_fields(), std::back_inserter(all));
    std::ranges::move(token_fields(), std::back_inserter(all));
    std::ranges::move(service_fields(), std::back_inserter(all));
    std::ranges::move(limit_fields(), std::back_inserter(all));
    return all;
  }();
  return table;
}

const std::vector<Section>& sections() {
  static const std::vector<Section> table = {
      {"", "Who this server is, and what is particular to an audience."},
      {"listen", "The public listener, HTTPS only."},
      {"listen.tls", "The public listener's certificate; read again at a reload."},
      {"ops", "The operations listener: health, readiness, metrics."},
      {"storage", "Clients, secrets, revocations and keys' times."},
      {"keys", "Signing keys and their rotation."},
      {"tokens", "How long tokens live, and how large they may be."},
      {"exchange", "Token exchange (RFC 8693); who may exchange what stands with each client."},
      {"transaction_tokens", "Transaction tokens (draft-ietf-oauth-transaction-tokens-10)."},
      {"status_lists", "Token status lists (draft-ietf-oauth-status-list-21)."},
      {"metadata", "What is published of this server."},
      {"limits", "Bounds on what one peer, and all together, may take."},
      {"log", "The log on stdout."},
  };
  return table;
}

const std::vector<Combination>& combinations() {
  static const std::vector<Combination> table = {
      {"keys.publish_before", "at least", "keys.jwks_max_age",
       "else a verifier's cached JWKS may lack the key that signs",
       [](const Config& c) { return c.keys.publish_before >= c.keys.jwks_max_age; }},
      {"keys.store", "\"database\" for", "storage.url",
       "else the nodes on PostgreSQL do not share their keys",
       [](const Config& c) { return !on_postgres(c) || c.keys.store == KeyStoreKind::database; }},
      {"keys.wrapping_key_file", "set where \"database\" stands, and only there, in", "keys.store",
       "else nothing protects the private keys in the database; `openssl rand -hex 32` makes one",
       [](const Config& c) {
         return (c.keys.store == KeyStoreKind::database) == !c.keys.wrapping_key_file.empty();
       }},
      {"keys.publish_before", "at least 1s above keys.jwks_max_age and", "tokens.clock_skew",
       "else a node could sign with a key that another one's readers do not know",
       [](const Config& c) {
         return !on_postgres(c) || c.keys.publish_before >= c.keys.jwks_max_age +
                                                                c.tokens.clock_skew +
                                                                std::chrono::seconds{1};
       }},
      {"storage.offline_grace", "at most keys.publish_before less", "keys.jwks_max_age",
       "else a node without the database could serve keys that lack the one that signs",
       [](const Config& c) {
         return !on_postgres(c) ||
                c.storage.offline_grace <= c.keys.publish_before - c.keys.jwks_max_age;
       }},
      {"keys.rotate_every", "at least", "keys.publish_before",
       "else a key is due before it may sign",
       [](const Config& c) {
         return !c.keys.rotate_every || *c.keys.rotate_every >= c.keys.publish_before;
       }},
      {"tokens.lifetime", "at most", "tokens.max_lifetime",
       "else no client without a lifetime of its own gets what is promised",
       [](const Config& c) { return c.tokens.lifetime <= c.tokens.max_lifetime; }},
      {"tokens.warn_size", "at most", "tokens.max_size", "else nothing is warned of",
       [](const Config& c) { return c.tokens.warn_size_bytes <= c.tokens.max_size_bytes; }},
      {"status_lists.block", "at most", "status_lists.capacity", "else no list holds a block",
       [](const Config& c) { return c.status_lists.block <= c.status_lists.capacity; }},
      {"transaction_tokens.trust_domain", "set for", "transaction_tokens.enabled",
       "else the tokens have no audience",
       [](const Config& c) {
         return !c.transaction_tokens.enabled || !c.transaction_tokens.trust_domain.empty();
       }},
  };
  return table;
}

}  // namespace grantd::config
