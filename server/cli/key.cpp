#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/random.h"
#include "server/base/text.h"
#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/output.h"
#include "server/cli/reach.h"
#include "server/keys/operations.h"
#include "server/keys/rotation.h"
#include "server/service/key_custody.h"
#include "server/service/settings.h"

namespace grantd::cli {
namespace {

constexpr std::size_t max_pem_bytes = std::size_t{64} * 1024;

struct RetireOptions {
  std::string kid{};
  bool now{false};
};

/// What a command works on keys with. Where a line of the wrapping key file was lost, commands are
/// the way out: they work with what it holds.
struct Keys {
  Context context;
  std::unique_ptr<SystemRandom> random;
  std::unique_ptr<keys::KeyCustody> custody;

  [[nodiscard]] keys::KeyAccess access() const {
    return {*custody, *context.storage, service::rotation_of(context.config), context.actor};
  }
};

Outcome<Keys> open_keys(const Invocation& invocation) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  auto random = std::make_unique<SystemRandom>();
  auto custody = service::make_custody(context->config.keys, *context->storage, *random,
                                       keys::DatabaseCustody::Cover::not_required);
  if (!custody) return makes_no_sense(custody.error());
  return Keys{std::move(*context), std::move(random), std::move(*custody)};
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
  const auto opened = open_keys(invocation);
  if (!opened) return std::unexpected(opened.error());
  auto access = opened->access();
  const auto now = opened->context.now;
  return print_key(invocation, keys::generate_key(access, now), now);
}

Outcome<void> list(const Invocation& invocation) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto keys = context->storage->load_keys();
  if (!keys) return store_failure(keys.error(), "keys");
  std::vector<std::string> columns{"kid",        "state",      "published_at",
                                   "signs_from", "retires_at", "removed_at"};
  const bool in_database = context->config.keys.store == config::KeyStoreKind::database;
  std::map<std::string, std::string> wrapping_keys;
  if (in_database) {
    columns.emplace_back("wrapping_key");
    const auto wrapped = context->storage->load_wrapped_keys();
    if (!wrapped) return store_failure(wrapped.error(), "keys");
    for (const auto& half : *wrapped) wrapping_keys.emplace(half.kid, half.wrapping_key_id);
  }
  Document rows = Document::array();
  for (const auto& key : *keys) {
    auto shown = row(key, context->now);
    if (in_database) shown["wrapping_key"] = nullptr;
    if (const auto under = wrapping_keys.find(key.kid); under != wrapping_keys.end()) {
      shown["wrapping_key"] = under->second;
    }
    rows.push_back(std::move(shown));
  }
  print_rows(invocation, columns, rows);
  return {};
}

Outcome<void> import(const Invocation& invocation, const std::string& file) {
  const auto opened = open_keys(invocation);
  if (!opened) return std::unexpected(opened.error());
  const auto pem = read_secret_file(file, max_pem_bytes);
  if (!pem) return std::unexpected(pem.error());
  auto access = opened->access();
  const auto now = opened->context.now;
  return print_key(invocation, keys::import_key(access, pem->view(), now), now);
}

Outcome<void> retire(const Invocation& invocation, const RetireOptions& options) {
  const auto opened = open_keys(invocation);
  if (!opened) return std::unexpected(opened.error());
  auto access = opened->access();
  const auto now = opened->context.now;
  if (!options.now) {
    return print_key(invocation, keys::retire_key(access, options.kid, now), now);
  }
  const auto result = keys::retire_key_now(access, options.kid, now);
  if (!result) return failure(result.error());
  if (!result->warning.empty()) say(result->warning);
  print(invocation, {{"retired", row(result->retired, now)},
                     {"signing", result->signing},
                     {"reaches", reach_of_many()}});
  return {};
}

Outcome<void> rewrap(const Invocation& invocation) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto& settings = context->config.keys;
  if (settings.store != config::KeyStoreKind::database) {
    return could_not("keys.store is \"directory\": no signing key is wrapped");
  }
  SystemRandom random;
  const auto custody =
      keys::DatabaseCustody::make(*context->storage, settings.wrapping_key_file, random,
                                  keys::DatabaseCustody::Cover::not_required);
  if (!custody) return makes_no_sense(custody.error());
  const auto result = (*custody)->rewrap(context->now, context->actor);
  if (!result) return store_failure(result.error(), "keys");
  Document in_use = Document::object();
  for (const auto& [id, count] : result->in_use) in_use[id] = count;
  print(invocation, {{"rewrapped", result->rewrapped},
                     {"wrapping_key", result->current},
                     {"in_use", std::move(in_use)}});
  if (result->failures.empty()) return {};
  return std::unexpected(Failure{status_not_done, result->failures});
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

  tree.command(group, "rewrap",
               "wrap all keys in the database under the first line of keys.wrapping_key_file",
               "grantd key rewrap", rewrap);

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
