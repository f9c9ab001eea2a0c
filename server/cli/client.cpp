#include <memory>
#include <utility>

#include "server/base/text.h"
#include "server/cli/client_registration.h"
#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/new_secret.h"
#include "server/cli/output.h"
#include "server/cli/reach.h"
#include "server/cli/revocation_span.h"
#include "server/oauth/scope.h"

namespace grantd::cli {
namespace {

using storage::ClientRecord;

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
