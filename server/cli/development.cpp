#include "server/cli/development.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <iostream>
#include <memory>
#include <utility>

#include "server/base/descriptor.h"
#include "server/base/files.h"
#include "server/base/random.h"
#include "server/cli/context.h"
#include "server/cli/migrate.h"
#include "server/cli/new_secret.h"
#include "server/clients/peppers.h"
#include "server/http/tls/development_certificates.h"
#include "server/oauth/scope.h"
#include "storage/sqlite/sqlite_storage.h"

namespace grantd::cli {
namespace {

namespace fs = std::filesystem;
using storage::sqlite::SqliteStorage;

constexpr auto demo_client = "demo";
constexpr auto demo_label = "dev";
constexpr auto demo_audience = "https://api.example.com";
constexpr auto development_actor = "server";
constexpr std::string_view issuer_without_port = "https://localhost:";
constexpr auto default_port = "8443";
constexpr std::size_t max_certificate_bytes = std::size_t{64} * 1024;

Outcome<void> done(const std::expected<void, FileError>& step) {
  if (step) return {};
  return could_not(step.error());
}

/// Only port, issuer and the client's rights are particular; all else has its default.
std::string development_configuration(const std::string& port) {
  return R"(// Made by `grantd serve --dev`, which reads it again. For the other commands:
//   grantd client list --config grantd.json
{
  "issuer": ")" +
         std::string(issuer_without_port) + port + R"(",
  "listen": {
    "address": "127.0.0.1", "port": )" +
         default_port + R"(,
    "tls": { "certificate_file": "server.crt", "private_key_file": "server.key" }
  },
  "ops": { "address": "127.0.0.1", "port": 9443 },
  "storage": { "url": "sqlite:grantd.db", "pepper_file": "pepper" },
  "keys": { "directory": "keys" }
}
)";
}

Outcome<void> make_certificates(const fs::path& directory, sys_seconds now) {
  std::error_code error;
  const auto current = read_file(directory / "server.crt", max_certificate_bytes);
  if (current && http::tls::still_valid(*current, now) &&
      fs::exists(directory / "server.key", error) && fs::exists(directory / "ca.crt", error)) {
    return {};
  }
  const auto made = http::tls::make_development_certificates(now);
  if (!made) return could_not(made.error());
  auto step = write_private_file(directory / "server.key", made->server_private_key_pem.view(),
                                 IfExists::replace);
  if (step) {
    step = write_public_file(directory / "ca.crt", made->ca_certificate_pem, IfExists::replace);
  }
  // Last: the certificate is what the next start looks at.
  if (step) {
    step = write_public_file(directory / "server.crt", made->server_certificate_pem,
                             IfExists::replace);
  }
  return done(step);
}

Outcome<void> make_files(const fs::path& directory, const std::string& port, sys_seconds now) {
  for (const auto& each : {directory, directory / "keys"}) {
    if (auto made = make_private_directory(each); !made) return could_not(made.error());
  }
  if (auto made = make_certificates(directory, now); !made) return made;
  std::error_code error;
  if (!fs::exists(directory / "pepper", error)) {
    SystemRandom random;
    const auto pepper = clients::Peppers::generate_line(random);
    auto written = done(write_private_file(directory / "pepper", pepper.view(), IfExists::refuse));
    if (!written) return written;
  }
  if (fs::exists(directory / "grantd.json", error)) return {};
  return done(write_public_file(directory / "grantd.json", development_configuration(port),
                                IfExists::refuse));
}

/// A port that is free now: the issuer must name it before the server listens.
Outcome<std::uint16_t> free_port() {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!socket.valid() || ::bind(socket.get(), generic, size) != 0 ||
      ::getsockname(socket.get(), generic, &size) != 0) {
    return could_not("no free port was found");
  }
  return ntohs(address.sin_port);
}

/// The issuer follows the port, unless somebody chose another one.
bool follows_port(const config::Config& config) {
  return config.issuer.starts_with(issuer_without_port) &&
         config.issuer.find_first_not_of("0123456789", issuer_without_port.size()) ==
             std::string::npos;
}

Outcome<config::Config> load(const fs::path& file, config::Environment& environment) {
  auto config = config::load(file, environment);
  if (!config) return std::unexpected(configuration_faults(config.error()));
  const auto issuer = std::string(issuer_without_port) + std::to_string(config->listen.port);
  if (environment.contains("GRANTD_ISSUER") || !follows_port(*config) || config->issuer == issuer) {
    return std::move(*config);
  }
  environment["GRANTD_ISSUER"] = issuer;
  return load(file, environment);
}

storage::ClientRecord demo_registration(sys_seconds now) {
  storage::ClientRecord client;
  client.id = demo_client;
  client.name = "for trying grantd out";
  client.scopes = {"demo:read", "demo:write"};
  client.audiences = {demo_audience};
  client.serves = {demo_audience};
  client.created_at = client.updated_at = now;
  return client;
}

/// Earlier secrets of this kind go: they were shown to nobody but the terminal they were made for.
Outcome<void> remove_earlier_secrets(Context& context, const storage::ClientWithSecrets& client) {
  const auto whatever = [](const storage::ClientWithSecrets&) -> std::expected<void, std::string> {
    return {};
  };
  for (const auto& secret : client.secrets) {
    if (secret.label != demo_label) continue;
    const auto removed = context.storage->remove_secret(demo_client, secret.secret_id, whatever,
                                                        floor_seconds(context.now), context.actor);
    if (!removed) return store_failure(removed.error(), "a secret of demo");
  }
  return {};
}

Outcome<SecretString> renew_demo_secret(Context& context) {
  SecretOrder order;
  order.label = demo_label;
  auto secret = make_secret(context, order);
  if (!secret) return std::unexpected(secret.error());
  const auto client = context.storage->find_client(demo_client);
  if (!client && client.error().code != storage::StoreErrorCode::not_found) {
    return store_failure(client.error(), demo_client);
  }
  if (client) {
    if (auto gone = remove_earlier_secrets(context, *client); !gone) {
      return std::unexpected(gone.error());
    }
  }
  const auto stored =
      client ? context.storage->add_secret(demo_client, secret->record, context.actor)
             : context.storage->create_client(demo_registration(floor_seconds(context.now)),
                                              secret->record, context.actor);
  if (!stored) return store_failure(stored.error(), demo_client);
  return std::move(secret->text);
}

/// Database and client. The lock of a running server is held meanwhile, so that a second `serve
/// --dev` does not take the first one's secret away before it is refused.
Outcome<SecretString> prepare_storage(const config::Config& config, WallTime now) {
  if (config.storage.backend != config::StorageBackend::sqlite) {
    return makes_no_sense("storage.url: a development server makes a SQLite database of its own");
  }
  const auto lock = storage::sqlite::ServerLock::acquire(config.storage.sqlite_path);
  if (!lock) return could_not(lock.error());
  auto opened =
      SqliteStorage::open({.path = config.storage.sqlite_path}, SqliteStorage::Create::yes);
  if (!opened) return could_not(opened.error());
  if (const auto migrated = migrate(**opened, floor_seconds(now)); !migrated) {
    return could_not(migrated.error());
  }
  Context context{config, std::move(*opened), development_actor, now};
  return renew_demo_secret(context);
}

/// The issuer's path, less a final '/': the endpoints stand below it.
std::string path_of(const std::string& issuer) {
  const auto slash = issuer.find('/', std::string_view("https://").size());
  if (slash == std::string::npos) return "";
  return issuer.substr(slash, issuer.size() - slash - (issuer.ends_with('/') ? 1 : 0));
}

void print_lines_to_try(const fs::path& directory, const config::Config& config,
                        const SecretString& secret, std::uint16_t port) {
  const std::string base = "https://localhost:" + std::to_string(port) + path_of(config.issuer);
  const std::string curl = "  curl --cacert " + (directory / "ca.crt").string() + ' ';
  std::cerr << "grantd: a development server listens, issuer " << config.issuer
            << "\ngrantd: NOT FOR PRODUCTION: anyone who can read this terminal can read the "
               "secret\ngrantd: try:\n"
            << curl << "-u '" << demo_client << ':' << secret.view()
            << "' -d grant_type=client_credentials " << base << "/token\n"
            << curl << base << "/.well-known/jwks.json\n"
            << "  grantd client list --config " << (directory / "grantd.json").string() << '\n';
}

}  // namespace

Outcome<ServeRequest> prepare_development(const fs::path& directory) {
  const auto now = SystemClock().now();
  ServeRequest request;
  request.environment = config::process_environment();
  auto& environment = request.environment;
  if (const auto port = environment.find("GRANTD_LISTEN__PORT");
      port != environment.end() && port->second == "0") {
    const auto chosen = free_port();
    if (!chosen) return std::unexpected(chosen.error());
    port->second = std::to_string(*chosen);
  }
  const auto port = environment.find("GRANTD_LISTEN__PORT");
  const bool digits = port != environment.end() && !port->second.empty() &&
                      port->second.find_first_not_of("0123456789") == std::string::npos;
  if (auto made = make_files(directory, digits ? port->second : default_port, floor_seconds(now));
      !made) {
    return std::unexpected(made.error());
  }
  auto config = load(directory / "grantd.json", environment);
  if (!config) return std::unexpected(config.error());
  auto secret = prepare_storage(*config, now);
  if (!secret) return std::unexpected(secret.error());

  request.config = std::move(*config);
  request.on_ready = [directory, config = request.config,
                      secret = std::make_shared<SecretString>(std::move(*secret))](
                         std::uint16_t bound, std::uint16_t) {
    print_lines_to_try(directory, config, *secret, bound);
    *secret = SecretString();
  };
  return request;
}

}  // namespace grantd::cli
