/// What a command works with: the configuration, the storage, who runs it. Private to server/cli.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/load.h"
#include "server/base/clock.h"
#include "server/cli/command.h"
#include "server/clients/peppers.h"
#include "storage/stores.h"

namespace grantd::cli {

/// --config, else $GRANTD_CONFIG, else /etc/grantd/grantd.json.
[[nodiscard]] std::filesystem::path configuration_file(const Invocation& invocation);

/// With the environment's overrides. All faults at once.
[[nodiscard]] Outcome<config::Config> load_configuration(const Invocation& invocation);
[[nodiscard]] Failure configuration_faults(const std::vector<config::Fault>& faults);

struct Context {
  config::Config config{};
  std::unique_ptr<storage::Storage> storage{};
  std::string actor{};
  /// By the clock of a database that nodes share: what stands behind it and before it must be the
  /// same for all of them.
  WallTime now{};
};

/// Whether SQLite's file is there; whether PostgreSQL's database is, opening it will tell.
[[nodiscard]] bool database_exists(const config::Config& config);

/// The storage must be there, with the schema of this binary.
[[nodiscard]] Outcome<Context> open_context(const Invocation& invocation);

/// The pepper file, known to hold every pepper that the database uses. A warning goes to stderr.
[[nodiscard]] Outcome<clients::Peppers> load_peppers(Context& context);

/// "operator:NAME": who called sudo, else the user of this process.
[[nodiscard]] std::string operator_name();

/// `what` names what a verb was about: "client billing".
[[nodiscard]] std::unexpected<Failure> store_failure(const storage::StoreError& error,
                                                     std::string_view what);

/// A file with a secret that the operator named. A warning goes to stderr.
[[nodiscard]] Outcome<SecretString> read_secret_file(const std::filesystem::path& file,
                                                     std::size_t max_bytes);

/// `option`'s value as a duration of whole seconds, at least one.
[[nodiscard]] Outcome<std::chrono::seconds> whole_seconds(std::string_view option,
                                                          std::string_view text);

}  // namespace grantd::cli
