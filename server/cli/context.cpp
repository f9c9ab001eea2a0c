#include "server/cli/context.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "server/base/files.h"
#include "server/base/text.h"
#include "server/cli/migrate.h"
#include "server/service/storage.h"

namespace grantd::cli {
namespace {

constexpr auto default_configuration_file = "/etc/grantd/grantd.json";
constexpr std::size_t max_operator_characters = 64;
constexpr std::size_t passwd_buffer_bytes = 16384;

bool is_user_name(std::string_view text) {
  return !text.empty() && text.size() <= max_operator_characters &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-' || c == '@';
         });
}

std::string user_of_this_process() {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, passwd_buffer_bytes> buffer{};
  const auto uid = ::getuid();
  const bool known = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 &&
                     found != nullptr && is_user_name(found->pw_name);
  return known ? found->pw_name : std::to_string(uid);
}

Outcome<std::unique_ptr<storage::Storage>> open_storage(const config::Config& config) {
  const auto name = service::name_of(config.storage);
  if (!database_exists(config)) {
    return could_not(name +
                     ": there is no database; run `grantd migrate`, or start `grantd serve`");
  }
  auto opened = service::open_storage(config.storage, service::CreateStorage::no);
  if (!opened) return could_not(opened.error());
  const auto missing = missing_migrations(**opened);
  if (!missing) return could_not(missing.error());
  if (!missing->empty()) {
    return could_not(name + ": the schema is behind this grantd; run `grantd migrate`");
  }
  return std::move(*opened);
}

}  // namespace

std::filesystem::path configuration_file(const Invocation& invocation) {
  if (invocation.config_file) return *invocation.config_file;
  const char* named = std::getenv("GRANTD_CONFIG");
  return named != nullptr && *named != '\0' ? named : default_configuration_file;
}

Failure configuration_faults(const std::vector<config::Fault>& faults) {
  Failure failure{status_usage, {}};
  for (const auto& fault : faults) failure.sentences.push_back(config::describe(fault));
  return failure;
}

Outcome<config::Config> load_configuration(const Invocation& invocation) {
  auto loaded = config::load(configuration_file(invocation), config::process_environment());
  if (!loaded) return std::unexpected(configuration_faults(loaded.error()));
  return std::move(*loaded);
}

bool database_exists(const config::Config& config) {
  std::error_code error;
  return config.storage.backend != config::StorageBackend::sqlite ||
         std::filesystem::exists(config.storage.sqlite_path, error);
}

Outcome<Context> open_context(const Invocation& invocation) {
  Context context;
  auto config = load_configuration(invocation);
  if (!config) return std::unexpected(config.error());
  auto storage = open_storage(*config);
  if (!storage) return std::unexpected(storage.error());
  context.config = std::move(*config);
  context.storage = std::move(*storage);
  context.actor = operator_name();
  // Nodes share one clock, the database's: times that a command stores are of it, too.
  const auto time = context.storage->clock();
  if (!time) return store_failure(time.error(), "the database's clock");
  context.now = time->value_or(SystemClock().now());
  return context;
}

Outcome<clients::Peppers> load_peppers(Context& context) {
  auto loaded = clients::Peppers::load(context.config.storage.pepper_file);
  if (!loaded) return makes_no_sense(loaded.error());
  if (loaded->warning) say(*loaded->warning);
  const auto in_use = context.storage->peppers_in_use();
  if (!in_use) return store_failure(in_use.error(), "peppers");
  if (const auto covered = loaded->peppers.covers(*in_use); !covered) {
    return makes_no_sense(covered.error());
  }
  return std::move(loaded->peppers);
}

std::string operator_name() {
  const char* caller = std::getenv("SUDO_USER");
  const bool by_sudo = ::geteuid() == 0 && caller != nullptr && is_user_name(caller);
  return "operator:" + (by_sudo ? std::string(caller) : user_of_this_process());
}

std::unexpected<Failure> store_failure(const storage::StoreError& error, std::string_view what) {
  const std::string subject(what);
  switch (error.code) {
    case storage::StoreErrorCode::not_found:
      return could_not(subject + " is not found");
    case storage::StoreErrorCode::exists:
      return could_not(subject + " exists already");
    case storage::StoreErrorCode::limit:
      return could_not(subject + ": a client has at most " +
                       std::to_string(storage::max_secrets_per_client) +
                       " secrets; remove one first");
    case storage::StoreErrorCode::refused:
      return could_not(error.detail);
    case storage::StoreErrorCode::unavailable:
      return could_not("the storage is unavailable: " + error.detail);
  }
  std::unreachable();
}

Outcome<SecretString> read_secret_file(const std::filesystem::path& file, std::size_t max_bytes) {
  auto read = read_private_file(file, max_bytes);
  if (!read) return could_not(read.error());
  if (read->warning) say(*read->warning);
  return std::move(read->content);
}

Outcome<std::chrono::seconds> whole_seconds(std::string_view option, std::string_view text) {
  const auto parsed = parse_duration(text);
  if (!parsed || *parsed < std::chrono::seconds(1) ||
      *parsed % std::chrono::seconds(1) != std::chrono::milliseconds(0)) {
    std::string found;
    append_json_string(found, text);
    return makes_no_sense(std::string(option) + ": found " + found +
                          ", expected a duration of whole seconds such as \"5m\", \"12h\" or "
                          "\"30d\"");
  }
  return std::chrono::duration_cast<std::chrono::seconds>(*parsed);
}

}  // namespace grantd::cli
