#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "server/base/random.h"
#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/migrate.h"
#include "server/cli/output.h"
#include "server/clients/peppers.h"
#include "server/http/tls/context.h"
#include "server/keys/rotation.h"
#include "server/keys/wrapping.h"
#include "server/service/settings.h"
#include "server/service/storage.h"

namespace grantd::cli {
namespace {

using Sentences = std::vector<std::string>;

struct Findings {
  Sentences faults{};
  Sentences warnings{};
};

void check_certificate(const config::Config& config, Findings& findings) {
  const SystemClock clock;
  SystemRandom random;
  const auto context =
      http::tls::Context::make(config.listen.certificate_file, config.listen.private_key_file,
                               std::make_shared<http::tls::TicketKeys>(clock, random));
  if (!context) {
    findings.faults.push_back("listen.tls: " + context.error());
  } else if (!(*context)->warning().empty()) {
    findings.warnings.push_back("listen.tls: " + (*context)->warning());
  }
}

/// Whether the database is one that this binary can read; what else an operator should know of it.
bool check_database(storage::Storage& storage, Findings& findings) {
  const auto missing = missing_migrations(storage);
  if (!missing) {
    findings.faults.push_back("storage.url: " + missing.error());
    return false;
  }
  const auto warnings = storage.warnings();
  if (!warnings) {
    findings.faults.push_back("storage.url: " + warnings.error().detail);
    return false;
  }
  for (const auto& warning : *warnings) findings.warnings.push_back("storage.url: " + warning);
  if (missing->empty()) return true;
  findings.warnings.emplace_back(
      "storage.url: the schema is missing or behind this grantd; run `grantd migrate`");
  return false;
}

/// What keys.wrapping_key_file must hold of what the database needs.
void check_wrapping_keys(const config::Config& config, storage::Storage* storage,
                         Findings& findings) {
  if (config.keys.store != config::KeyStoreKind::database) return;
  const auto loaded = keys::WrappingKeys::load(config.keys.wrapping_key_file);
  if (!loaded) {
    findings.faults.push_back(loaded.error());
    return;
  }
  if (loaded->warning) findings.warnings.push_back("keys.wrapping_key_file: " + *loaded->warning);
  if (storage == nullptr) return;
  const auto in_use = storage->load_wrapped_keys();
  if (!in_use) return;
  if (const auto covered = loaded->keys.covers(*in_use); !covered) {
    findings.faults.push_back("keys.wrapping_key_file: " + covered.error());
  }
}

/// The database, where there is one that can be read.
std::unique_ptr<storage::Storage> open_for_check(const config::Config& config, Findings& findings) {
  if (!database_exists(config)) return nullptr;
  auto storage = service::open_storage(config.storage, service::CreateStorage::no);
  if (!storage) {
    findings.faults.push_back("storage.url: " + storage.error());
    return nullptr;
  }
  if (!check_database(**storage, findings)) return nullptr;
  return std::move(*storage);
}

/// What a reload would refuse, seen from the database.
void check_against_storage(const config::Config& config, storage::Storage& storage,
                           const clients::Peppers* peppers, Findings& findings) {
  const auto in_use = storage.peppers_in_use();
  if (peppers != nullptr && in_use) {
    const auto covered = peppers->covers(*in_use);
    if (!covered) findings.faults.push_back("storage.pepper_file: " + covered.error());
  }
  const auto keys = storage.load_keys();
  if (!config.keys.signing_key || !keys) return;
  const auto& kid = *config.keys.signing_key;
  const auto pinned = std::ranges::find(*keys, kid, &storage::KeyRecord::kid);
  if (pinned == keys->end()) {
    findings.warnings.push_back("keys.signing_key: storage knows no key " + kid +
                                (config.keys.store == config::KeyStoreKind::directory
                                     ? "; it must stand in keys.directory"
                                     : "; `grantd key import` brings it in"));
  } else if (keys::state(*pinned, SystemClock().now()) == keys::KeyState::removed) {
    findings.faults.push_back("keys.signing_key: key " + kid +
                              " was removed; expected \"auto\" or a published key");
  }
}

void check_storage(const config::Config& config, Findings& findings) {
  const auto loaded = clients::Peppers::load(config.storage.pepper_file);
  if (!loaded) {
    findings.faults.push_back(loaded.error());
  } else if (loaded->warning) {
    findings.warnings.push_back("storage.pepper_file: " + *loaded->warning);
  }
  const auto storage = open_for_check(config, findings);
  check_wrapping_keys(config, storage.get(), findings);
  if (storage == nullptr) return;
  check_against_storage(config, *storage, loaded ? &loaded->peppers : nullptr, findings);
}

/// Where the first start makes `directory`, its parent counts.
std::filesystem::path directory_or_parent(const std::filesystem::path& directory) {
  std::error_code error;
  if (std::filesystem::exists(directory, error)) return directory;
  const auto parent = directory.parent_path();
  return parent.empty() ? std::filesystem::path(".") : parent;
}

void check_directory(const std::string& path, const std::filesystem::path& directory,
                     Findings& findings) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    findings.faults.push_back(path + ": " + directory.string() +
                              " is no directory; expected one that grantd can write");
  } else if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) {
    findings.faults.push_back(path + ": " + directory.string() +
                              " cannot be read and written by this user");
  }
}

Findings find_all(const Invocation& invocation) {
  Findings findings;
  const auto config = load_configuration(invocation);
  if (!config) {
    findings.faults = config.error().sentences;
    return findings;
  }
  check_certificate(*config, findings);
  check_storage(*config, findings);
  if (const auto policy = service::load_policy(*config); !policy) {
    findings.faults.insert(findings.faults.end(), policy.error().begin(), policy.error().end());
  }
  if (config->keys.store == config::KeyStoreKind::directory) {
    check_directory("keys.directory", directory_or_parent(config->keys.directory), findings);
  }
  if (config->storage.backend == config::StorageBackend::sqlite) {
    check_directory("storage.url", config->storage.sqlite_path.parent_path(), findings);
  }
  return findings;
}

Outcome<void> check(const Invocation& invocation) {
  auto findings = find_all(invocation);
  for (const auto& warning : findings.warnings) say("warning: " + warning);
  const auto file = configuration_file(invocation).string();
  if (invocation.json) {
    print(invocation,
          {{"file", file}, {"faults", findings.faults}, {"warnings", findings.warnings}});
  } else if (findings.faults.empty()) {
    std::cout << file << ": no faults\n";
  }
  if (findings.faults.empty()) return {};
  return std::unexpected(Failure{status_usage, std::move(findings.faults)});
}

Outcome<void> show(const Invocation& invocation) {
  const auto config = load_configuration(invocation);
  if (!config) return std::unexpected(config.error());
  std::string document = config::show(*config);
  if (!document.ends_with('\n')) document += '\n';
  std::cout << document;
  return {};
}

}  // namespace

void add_config_commands(Tree& tree) {
  auto& group = tree.group("config", "the configuration", "grantd config check");
  tree.command(group, "check", "all faults at once, also of the files that it names",
               "grantd config check --config grantd.json", check);
  tree.command(group, "show", "the values in force, with defaults and the environment's overrides",
               "grantd config show", show);
}

}  // namespace grantd::cli
