#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "server/base/text.h"
#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/new_secret.h"
#include "server/cli/output.h"
#include "server/cli/reach.h"
#include "server/cli/revocation_span.h"
#include "server/clients/registration.h"
#include "server/oauth/scope.h"
#include "storage/names.h"

namespace grantd::cli {
namespace {

using storage::ClientRecord;

/// What `create` and `update` take.
struct RegistrationOptions {
  std::string id{};
  Text name{};
  Text scope{};
  Texts audiences{};
  Texts default_audiences{};
  Texts serves{};
  Text auth_method{};
  Text token_lifetime{};
  Text token_format{};
  Texts claims{};
  Texts exchange_audiences{};
  Text exchange_scope{};
  Texts exchange_issuers{};
  Text exchange_depth{};
  Text exchange_mode{};
  // Of `update` alone.
  bool no_scope{false};
  bool no_audience{false};
  bool no_default_audience{false};
  bool no_serves{false};
  bool no_token_lifetime{false};
  bool no_claim{false};
  bool no_exchange{false};
  bool no_exchange_scope{false};
  bool no_exchange_issuer{false};

  [[nodiscard]] bool says_nothing() const {
    const bool sets_text = name || scope || auth_method || token_lifetime || token_format ||
                           exchange_scope || exchange_depth || exchange_mode;
    const bool sets_list = audiences || default_audiences || serves || claims ||
                           exchange_audiences || exchange_issuers;
    const bool clears = no_scope || no_audience || no_default_audience || no_serves ||
                        no_token_lifetime || no_claim || no_exchange || no_exchange_scope ||
                        no_exchange_issuer;
    return !sets_text && !sets_list && !clears;
  }
};

/// The options read; what is absent stays as it is.
struct Registration {
  std::vector<std::string> faults{};
  Text name{};
  Texts scopes{};
  Texts audiences{};
  Texts default_audiences{};
  Texts serves{};
  std::optional<storage::AuthMethod> auth_method{};
  std::optional<std::optional<std::chrono::seconds>> token_lifetime{};
  std::optional<storage::TokenFormat> token_format{};
  std::optional<std::map<std::string, std::string>> claims{};
  Texts exchange_audiences{};
  Texts exchange_scopes{};
  Texts exchange_issuers{};
  std::optional<std::uint32_t> exchange_depth{};
  std::optional<storage::ExchangeMode> exchange_mode{};

  void apply_to_exchange(storage::ExchangePolicy& exchange) const {
    if (exchange_audiences) exchange.audiences = *exchange_audiences;
    if (exchange_scopes) exchange.scopes = *exchange_scopes;
    if (exchange_issuers) exchange.issuers = *exchange_issuers;
    if (exchange_depth) exchange.max_depth = *exchange_depth;
    if (exchange_mode) exchange.mode = *exchange_mode;
  }

  void apply_to(ClientRecord& client) const {
    if (name) client.name = *name;
    if (scopes) client.scopes = *scopes;
    if (audiences) client.audiences = *audiences;
    if (default_audiences) client.default_audiences = *default_audiences;
    if (serves) client.serves = *serves;
    if (auth_method) client.auth_method = *auth_method;
    if (token_lifetime) client.token_lifetime = *token_lifetime;
    if (token_format) client.token_format = *token_format;
    if (claims) client.claims = *claims;
    apply_to_exchange(client.exchange);
    // What is granted by default may be asked for, too.
    if (!default_audiences) return;
    for (const auto& audience : *default_audiences) {
      if (std::ranges::find(client.audiences, audience) == client.audiences.end()) {
        client.audiences.push_back(audience);
      }
    }
  }
};

Texts list(bool cleared, const Texts& given) {
  return cleared ? std::vector<std::string>{} : given;
}

std::vector<std::string> split(const std::string& scope) {
  std::vector<std::string> scopes;
  std::istringstream words(scope);
  for (std::string word; std::getline(words, word, ' ');) {
    if (!word.empty()) scopes.push_back(word);
  }
  return scopes;
}

/// NAME=JSON, such as `tenant="eu"`; a value that is no JSON is a fault, not a string: `true` and
/// `"true"` must not be mixed up by a shell's quotes.
std::map<std::string, std::string> read_claims(const std::vector<std::string>& given,
                                               std::vector<std::string>& faults) {
  std::map<std::string, std::string> claims;
  for (const auto& claim : given) {
    const auto equals = claim.find('=');
    const auto value = nlohmann::json::parse(
        equals == std::string::npos ? std::string() : claim.substr(equals + 1), nullptr, false);
    if (value.is_discarded()) {
      faults.push_back("--claim: found '" + claim +
                       "', expected NAME=JSON, such as 'tenant=\"eu\"'");
    } else {
      claims.insert_or_assign(claim.substr(0, equals), value.dump());
    }
  }
  return claims;
}

/// A word of a few; a fault that names the option where it is none of them.
template <typename T>
std::optional<T> read_word(const Text& given, std::optional<T> (*known)(std::string_view),
                           std::string_view expected, std::vector<std::string>& faults) {
  if (!given) return std::nullopt;
  const auto word = known(*given);
  if (!word) faults.emplace_back(expected);
  return word;
}

void read_exchange(const RegistrationOptions& options, Registration& registration) {
  registration.exchange_audiences = list(options.no_exchange, options.exchange_audiences);
  registration.exchange_issuers =
      list(options.no_exchange || options.no_exchange_issuer, options.exchange_issuers);
  if (options.exchange_scope || options.no_exchange_scope || options.no_exchange) {
    registration.exchange_scopes = split(options.exchange_scope.value_or(""));
  }
  registration.exchange_mode =
      read_word(options.exchange_mode, storage::exchange_mode,
                "--exchange-mode: expected delegation or impersonation", registration.faults);
  if (!options.exchange_depth) return;
  std::uint32_t depth = 0;
  const auto& text = *options.exchange_depth;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), depth);
  if (error == std::errc{} && rest == text.data() + text.size()) {
    registration.exchange_depth = depth;
  } else {
    registration.faults.push_back("--exchange-depth: found '" + text + "', expected a number");
  }
}

Registration read(const RegistrationOptions& options) {
  Registration registration;
  registration.name = options.name;
  registration.audiences = list(options.no_audience, options.audiences);
  registration.default_audiences = list(options.no_default_audience, options.default_audiences);
  registration.serves = list(options.no_serves, options.serves);
  if (options.scope || options.no_scope) registration.scopes = split(options.scope.value_or(""));
  registration.auth_method = read_word(
      options.auth_method, storage::auth_method,
      "--auth-method: expected client_secret_basic or client_secret_post", registration.faults);
  registration.token_format =
      read_word(options.token_format, storage::token_format,
                "--token-format: expected jwt or opaque", registration.faults);
  if (options.claims || options.no_claim) {
    registration.claims =
        read_claims(options.claims.value_or(std::vector<std::string>{}), registration.faults);
  }
  read_exchange(options, registration);
  if (options.no_token_lifetime) registration.token_lifetime.emplace();
  if (options.token_lifetime) {
    const auto lifetime = whole_seconds("--token-lifetime", *options.token_lifetime);
    if (lifetime) {
      registration.token_lifetime = *lifetime;
    } else {
      registration.faults.push_back(lifetime.error().sentences.front());
    }
  }
  return registration;
}

Outcome<void> check(const Registration& registration, const ClientRecord& client,
                    const config::Config& config) {
  auto faults = registration.faults;
  const auto of_record = clients::faults(client, config.tokens.max_lifetime);
  faults.insert(faults.end(), of_record.begin(), of_record.end());
  if (faults.empty()) return {};
  return std::unexpected(Failure{status_usage, std::move(faults)});
}

std::string named(std::string_view id) { return "the client \"" + std::string(id) + "\""; }

Document document_of(const ClientRecord& client) {
  Document document = {{"client_id", client.id},
                       {"name", client.name},
                       {"auth_method", storage::name(client.auth_method)},
                       {"scope", oauth::join_scope(client.scopes)},
                       {"audiences", client.audiences},
                       {"default_audiences", client.default_audiences},
                       {"serves", client.serves},
                       {"token_lifetime", nullptr},
                       {"token_format", storage::name(client.token_format)},
                       {"claims", Document::object()},
                       {"exchange", nullptr},
                       {"enabled", client.enabled},
                       {"created_at", rfc3339(client.created_at)},
                       {"updated_at", rfc3339(client.updated_at)}};
  if (client.token_lifetime) document["token_lifetime"] = format_duration(*client.token_lifetime);
  for (const auto& [name, value] : client.claims) document["claims"][name] = Document::parse(value);
  const auto& exchange = client.exchange;
  if (exchange.audiences.empty()) return document;
  document["exchange"] = {{"audiences", exchange.audiences},
                          {"scope", oauth::join_scope(exchange.scopes)},
                          {"issuers", exchange.issuers},
                          {"max_depth", exchange.max_depth},
                          {"mode", storage::name(exchange.mode)}};
  return document;
}

Outcome<void> create(const Invocation& invocation, const RegistrationOptions& options) {
  const auto registration = read(options);
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());

  ClientRecord client;
  client.id = options.id;
  client.created_at = client.updated_at = floor_seconds(context->now);
  registration.apply_to(client);
  if (auto sound = check(registration, client, context->config); !sound) return sound;
  // Before a pepper is read: the likely fault is told first.
  if (context->storage->find_client(client.id)) {
    return could_not(named(client.id) + " exists already");
  }
  const auto secret = make_secret(*context, {});
  if (!secret) return std::unexpected(secret.error());
  const auto created = context->storage->create_client(client, secret->record, context->actor);
  if (!created) return store_failure(created.error(), named(client.id));
  print(invocation, {{"client_id", client.id},
                     {"secret_id", secret->record.secret_id},
                     {"client_secret", secret->text.view()}});
  return {};
}

Outcome<void> list_clients(const Invocation& invocation) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto clients = context->storage->list_clients();
  if (!clients) return store_failure(clients.error(), "clients");
  Document rows = Document::array();
  for (const auto& client : *clients) rows.push_back(document_of(client));
  print_rows(invocation, {"client_id", "name", "enabled", "auth_method", "scope", "audiences"},
             rows);
  return {};
}

Outcome<void> show(const Invocation& invocation, const std::string& id) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto found = context->storage->find_client(id);
  if (!found) return store_failure(found.error(), named(id));
  auto document = document_of(found->client);
  document["secrets"] = found->secrets.size();
  print(invocation, document);
  return {};
}

Outcome<void> update(const Invocation& invocation, const RegistrationOptions& options) {
  if (options.says_nothing()) return makes_no_sense("expected at least one option to change");
  const auto registration = read(options);
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());

  auto found = context->storage->find_client(options.id);
  if (!found) return store_failure(found.error(), named(options.id));
  registration.apply_to(found->client);
  if (auto sound = check(registration, found->client, context->config); !sound) return sound;

  // Checked anew in the transaction: somebody may have changed the client just now.
  Outcome<void> sound;
  const auto updated = context->storage->update_client(
      options.id,
      [&](ClientRecord& client) {
        ClientRecord changed = client;
        registration.apply_to(changed);
        sound = check(registration, changed, context->config);
        if (sound) client = std::move(changed);
      },
      floor_seconds(context->now), context->actor);
  if (!updated) return store_failure(updated.error(), named(options.id));
  if (!sound) return sound;
  print(invocation, document_of(*updated));
  return {};
}

Outcome<void> enable(const Invocation& invocation, const std::string& id) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto done =
      context->storage->enable_client(id, floor_seconds(context->now), context->actor);
  if (!done) return store_failure(done.error(), named(id));
  print(invocation, {{"client_id", id}, {"enabled", true}});
  return {};
}

/// Disabling and deleting: what was issued until now becomes inactive with it.
enum class Ending { disable, remove };

Outcome<void> end(const Invocation& invocation, const std::string& id, Ending ending) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto not_before = not_before_now(*context, id);
  if (!not_before) return std::unexpected(not_before.error());
  const auto done = ending == Ending::disable
                        ? context->storage->disable_client(*not_before, context->actor)
                        : context->storage->delete_client(*not_before, context->actor);
  if (!done) return store_failure(done.error(), named(id));
  Document document = {
      {"client_id", id},
      {ending == Ending::disable ? "enabled" : "deleted", ending != Ending::disable},
      {"inactive_if_issued_until", rfc3339(not_before->at)},
      {"reaches", reach_of_many()}};
  print(invocation, document);
  return {};
}

void add_registration_options(Command command, RegistrationOptions& options) {
  command.value("--name", "NAME", options.name, "for people");
  command.value("--scope", "SCOPES", options.scope, "the scopes it may ask for, space-separated");
  command.values("--audience", "URI", options.audiences, "an audience it may ask for");
  command.values("--default-audience", "URI", options.default_audiences,
                 "the audience of a token where none is asked for; one of its audiences");
  command.values("--serves", "URI", options.serves, "a resource whose tokens it may introspect");
  command.value("--auth-method", "METHOD", options.auth_method,
                "client_secret_basic (default) or client_secret_post");
  command.value("--token-lifetime", "DURATION", options.token_lifetime,
                "instead of tokens.lifetime, such as \"10m\"");
  command.value("--token-format", "FORMAT", options.token_format,
                "jwt (default), or opaque: handles that only grantd can read");
  command.values("--claim", "NAME=JSON", options.claims, "a fixed claim of its tokens");
  command.values("--exchange-audience", "URI", options.exchange_audiences,
                 "an audience into which it may exchange the tokens it is called with (RFC 8693)");
  command.value("--exchange-scope", "SCOPES", options.exchange_scope,
                "the scopes it may exchange at most; any of the subject token's where not given");
  command.values("--exchange-issuer", "ISSUER", options.exchange_issuers,
                 "a foreign issuer of exchange.issuers whose tokens it may exchange");
  command.value("--exchange-depth", "N", options.exchange_depth,
                "how many exchanges a chain may have, 1 to 16 (default 3)");
  command.value("--exchange-mode", "MODE", options.exchange_mode,
                "delegation (default: `act` names who acts) or impersonation");
}

void add_clearing_options(Command command, RegistrationOptions& options) {
  command.flag("--no-scope", options.no_scope, "no scopes any more");
  command.flag("--no-audience", options.no_audience, "no audiences any more");
  command.flag("--no-default-audience", options.no_default_audience,
               "no default audiences any more");
  command.flag("--no-serves", options.no_serves, "serves no resource any more");
  command.flag("--no-token-lifetime", options.no_token_lifetime, "tokens.lifetime holds again");
  command.flag("--no-claim", options.no_claim, "no fixed claims any more");
  command.flag("--no-exchange", options.no_exchange, "may not exchange any more");
  command.flag("--no-exchange-scope", options.no_exchange_scope,
               "may exchange any scope of the subject token again");
  command.flag("--no-exchange-issuer", options.no_exchange_issuer,
               "may not exchange foreign tokens any more");
  command.exclude("--no-exchange", "--exchange-audience");
  for (const std::string name : {"scope", "audience", "default-audience", "serves",
                                 "token-lifetime", "claim", "exchange-scope", "exchange-issuer"}) {
    command.exclude("--no-" + name, "--" + name);
  }
}

constexpr auto id_meaning = "the client's id";

void add_create_and_update(Tree& tree, CLI::App& group) {
  const auto created = std::make_shared<RegistrationOptions>();
  auto creating = tree.command(
      group, "create", "register a client with its first secret, which is shown this once",
      "grantd client create billing --scope \"api:read api:write\" --audience "
      "https://api.example.com",
      [created](const Invocation& invocation) { return create(invocation, *created); });
  creating.argument("ID", created->id,
                    "1 to 255 visible ASCII characters and inner spaces, no leading '-'");
  add_registration_options(creating, *created);

  const auto updated = std::make_shared<RegistrationOptions>();
  auto updating = tree.command(
      group, "update", "change a registration; a list that is given replaces the whole list",
      "grantd client update billing --scope api:read --no-token-lifetime",
      [updated](const Invocation& invocation) { return update(invocation, *updated); });
  updating.argument("ID", updated->id, id_meaning);
  add_registration_options(updating, *updated);
  add_clearing_options(updating, *updated);
}

void add_for_one(Tree& tree, CLI::App& group, const std::string& name, const std::string& meaning,
                 std::function<Outcome<void>(const Invocation&, const std::string&)> work) {
  const auto id = std::make_shared<std::string>();
  tree.command(group, name, meaning, "grantd client " + name + " billing",
               [id, work = std::move(work)](const Invocation& invocation) {
                 return work(invocation, *id);
               })
      .argument("ID", *id, id_meaning);
}

}  // namespace

void add_client_commands(Tree& tree) {
  auto& group = tree.group("client", "the services that may ask for tokens", "grantd client list");
  add_create_and_update(tree, group);
  tree.command(group, "list", "all clients", "grantd client list --json", list_clients);
  add_for_one(tree, group, "show", "one client with all its fields", show);
  add_for_one(tree, group, "disable", "no more tokens; those issued until now become inactive",
              [](const Invocation& invocation, const std::string& id) {
                return end(invocation, id, Ending::disable);
              });
  add_for_one(tree, group, "enable", "tokens again; those of before stay inactive", enable);
  add_for_one(tree, group, "delete", "remove it; its tokens issued until now become inactive",
              [](const Invocation& invocation, const std::string& id) {
                return end(invocation, id, Ending::remove);
              });
}

}  // namespace grantd::cli
