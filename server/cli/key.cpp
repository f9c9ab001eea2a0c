#include <memory>
#include <utility>

#include "server/base/text.h"
#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/output.h"
#include "server/cli/reach.h"
#include "server/keys/operations.h"
#include "server/keys/rotation.h"

namespace grantd::cli {
namespace {

constexpr std::size_t max_pem_bytes = std::size_t{64} * 1024;

struct RetireOptions {
  std::string kid{};
  bool now{false};
};

keys::KeyAccess access(Context& context) {
  const auto& config = context.config;
  keys::RotationSettings settings;
  settings.rotate_every = config.keys.rotate_every;
  settings.publish_before = config.keys.publish_before;
  settings.max_lifetime = config.tokens.max_lifetime;
  settings.clock_skew = config.tokens.clock_skew;
  settings.pinned = config.keys.signing_key;
  return {config.keys.directory, *context.storage, std::move(settings), context.actor};
}

std::unexpected<Failure> failure(const keys::OperationError& error) {
  switch (error.kind) {
    case keys::OperationError::Kind::not_found:
    case keys::OperationError::Kind::not_in_this_state:
    case keys::OperationError::Kind::unavailable:
      return could_not(error.detail);
    case keys::OperationError::Kind::bad_input:
      return makes_no_sense(error.detail);
  }
  std::unreachable();
}

Document row(const storage::KeyRecord& key, WallTime now) {
  return {{"kid", key.kid},
          {"state", keys::name(keys::state(key, now))},
          {"published_at", rfc3339(key.published_at)},
          {"signs_from", rfc3339(key.signs_from)},
          {"retires_at", time_or_null(key.retires_at)},
          {"removed_at", time_or_null(key.removed_at)}};
}

Outcome<void> print_key(const Invocation& invocation,
                        const keys::OperationResult<storage::KeyRecord>& key, WallTime now) {
  if (!key) return failure(key.error());
  print(invocation, row(*key, now));
  return {};
}

Outcome<void> generate(const Invocation& invocation) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  auto key_access = access(*context);
  return print_key(invocation, keys::generate_key(key_access, context->now), context->now);
}

Outcome<void> list(const Invocation& invocation) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto keys = context->storage->load_keys();
  if (!keys) return store_failure(keys.error(), "keys");
  Document rows = Document::array();
  for (const auto& key : *keys) rows.push_back(row(key, context->now));
  print_rows(invocation, {"kid", "state", "published_at", "signs_from", "retires_at", "removed_at"},
             rows);
  return {};
}

Outcome<void> import(const Invocation& invocation, const std::string& file) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto pem = read_secret_file(file, max_pem_bytes);
  if (!pem) return std::unexpected(pem.error());
  auto key_access = access(*context);
  return print_key(invocation, keys::import_key(key_access, pem->view(), context->now),
                   context->now);
}

Outcome<void> retire(const Invocation& invocation, const RetireOptions& options) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  auto key_access = access(*context);
  if (!options.now) {
    return print_key(invocation, keys::retire_key(key_access, options.kid, context->now),
                     context->now);
  }
  const auto result = keys::retire_key_now(key_access, options.kid, context->now);
  if (!result) return failure(result.error());
  if (!result->warning.empty()) say(result->warning);
  print(invocation, {{"retired", row(result->retired, context->now)},
                     {"signing", result->signing},
                     {"reaches", reach_of_many()}});
  return {};
}

}  // namespace

void add_key_commands(Tree& tree) {
  auto& group = tree.group("key", "the keys that sign tokens", "grantd key list");
  tree.command(group, "generate",
               "a new key: published now, signing as soon as verifiers can know it",
               "grantd key generate", generate);
  tree.command(group, "list", "all keys with their times", "grantd key list", list);

  const auto file = std::make_shared<std::string>();
  tree.command(group, "import", "a key brought from elsewhere", "grantd key import signing.pem",
               [file](const Invocation& invocation) { return import(invocation, *file); })
      .argument("FILE", *file, "an unencrypted PKCS#8 PEM that others cannot read");

  const auto options = std::make_shared<RetireOptions>();
  auto retiring = tree.command(
      group, "retire", "hand over to the next key; the retired one stays published for a while",
      "grantd key retire NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
      [options](const Invocation& invocation) { return retire(invocation, *options); });
  retiring.argument("KID", options->kid, "as `key list` shows it; it may begin with '-'");
  retiring.flag("--now", options->now,
                "for a leaked key: out of the JWKS at once, and its tokens inactive");
}

}  // namespace grantd::cli
