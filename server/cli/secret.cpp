#include <algorithm>
#include <memory>
#include <utility>

#include "server/base/text.h"
#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/new_secret.h"
#include "server/cli/output.h"
#include "server/clients/registration.h"

namespace grantd::cli {
namespace {

using storage::SecretRecord;

struct AddOptions {
  std::string client_id{};
  Text label{};
  Text expires_in{};
  Text from_file{};
};

struct RemoveOptions {
  std::string client_id{};
  std::string secret_id{};
  bool force{false};
};

std::string named(std::string_view client_id) {
  return "the client \"" + std::string(client_id) + "\"";
}

Outcome<void> add(const Invocation& invocation, const AddOptions& options) {
  SecretOrder order;
  order.label = options.label.value_or("");
  if (options.from_file) order.from_file = *options.from_file;
  if (options.expires_in) {
    const auto expires_in = whole_seconds("--expires-in", *options.expires_in);
    if (!expires_in) return std::unexpected(expires_in.error());
    order.expires_in = *expires_in;
  }
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto client = context->storage->find_client(options.client_id);
  if (!client) return store_failure(client.error(), named(options.client_id));

  const auto secret = make_secret(*context, order);
  if (!secret) return std::unexpected(secret.error());
  const auto added =
      context->storage->add_secret(options.client_id, secret->record, context->actor);
  if (!added && added.error().code == storage::StoreErrorCode::exists) {
    return could_not("the secret " + secret->record.secret_id + " exists already");
  }
  if (!added) return store_failure(added.error(), named(options.client_id));
  Document document = {{"client_id", options.client_id},
                       {"secret_id", secret->record.secret_id},
                       {"label", secret->record.label},
                       {"expires_at", time_or_null(secret->record.expires_at)}};
  if (!secret->text.empty()) document["client_secret"] = secret->text.view();
  print(invocation, document);
  return {};
}

Outcome<void> list(const Invocation& invocation, const std::string& client_id) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto client = context->storage->find_client(client_id);
  if (!client) return store_failure(client.error(), named(client_id));
  const auto now = floor_seconds(context->now);
  Document rows = Document::array();
  for (const auto& secret : client->secrets) {
    rows.push_back(
        {{"secret_id", secret.secret_id},
         {"label", secret.label},
         {"created_at", rfc3339(secret.created_at)},
         {"expires_at", time_or_null(secret.expires_at)},
         {"last_used_at", time_or_null(secret.last_used_at)},
         {"pepper", secret.pepper_id},
         {"safe_to_remove", clients::safe_to_remove(client->secrets, secret.secret_id, now)}});
  }
  print_rows(invocation,
             {"secret_id", "label", "created_at", "expires_at", "last_used_at", "pepper",
              "safe_to_remove"},
             rows);
  return {};
}

/// Whether the client could not authenticate any more once that secret is gone.
bool is_last_usable(const std::vector<SecretRecord>& secrets, std::string_view secret_id,
                    sys_seconds now) {
  const auto usable = [&](const SecretRecord& secret) { return clients::is_valid(secret, now); };
  const auto chosen = std::ranges::find(secrets, secret_id, &SecretRecord::secret_id);
  return chosen != secrets.end() && usable(*chosen) && std::ranges::count_if(secrets, usable) == 1;
}

Outcome<void> remove(const Invocation& invocation, const RemoveOptions& options) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  if (const auto client = context->storage->find_client(options.client_id); !client) {
    return store_failure(client.error(), named(options.client_id));
  }
  const auto now = floor_seconds(context->now);
  const auto decide =
      [&](const storage::ClientWithSecrets& client) -> std::expected<void, std::string> {
    if (options.force || !is_last_usable(client.secrets, options.secret_id, now)) return {};
    return std::unexpected("it is the last usable secret of " + named(options.client_id) +
                           ": add another one first, or give --force");
  };
  const auto removed = context->storage->remove_secret(options.client_id, options.secret_id, decide,
                                                       now, context->actor);
  if (!removed) {
    return store_failure(removed.error(), "that secret of " + named(options.client_id));
  }
  print(invocation,
        {{"client_id", options.client_id}, {"secret_id", options.secret_id}, {"removed", true}});
  return {};
}

constexpr auto client_meaning = "the client's id";

}  // namespace

void add_secret_commands(Tree& tree) {
  auto& group = tree.group("secret", "the secrets of a client: add, roll out, remove the old one",
                           "grantd secret list billing");

  const auto added = std::make_shared<AddOptions>();
  auto adding =
      tree.command(group, "add", "one more secret, shown this once; a client has at most 10",
                   "grantd secret add billing --label 2026-q1 --expires-in 90d",
                   [added](const Invocation& invocation) { return add(invocation, *added); });
  adding.argument("ID", added->client_id, client_meaning);
  adding.value("--label", "LABEL", added->label, "for people");
  adding.value("--expires-in", "DURATION", added->expires_in,
               "no longer valid after that, such as \"90d\"");
  adding.value("--from-file", "FILE", added->from_file,
               "a secret brought from another system: 32 to 255 visible ASCII characters");

  const auto listed = std::make_shared<std::string>();
  tree.command(group, "list", "a client's secrets: when each was used, and which may go",
               "grantd secret list billing",
               [listed](const Invocation& invocation) { return list(invocation, *listed); })
      .argument("ID", *listed, client_meaning);

  const auto removed = std::make_shared<RemoveOptions>();
  auto removing = tree.command(
      group, "remove", "a secret that is no longer used",
      "grantd secret remove billing 4k2j9x0qm1ab",
      [removed](const Invocation& invocation) { return remove(invocation, *removed); });
  removing.argument("ID", removed->client_id, client_meaning);
  removing.argument("SECRET_ID", removed->secret_id, "as `secret list` shows it");
  removing.flag("--force", removed->force, "the last usable one, too");
}

}  // namespace grantd::cli
