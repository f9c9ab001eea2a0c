/// What `client create` and `client update` say of a client: the options, and the change that they
/// make to its record.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "server/cli/command.h"
#include "storage/records.h"

namespace grantd::cli {

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

  [[nodiscard]] bool says_nothing() const;
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

  void apply_to(storage::ClientRecord& client) const;
};

/// Faults of single options stand in the result, all of them.
[[nodiscard]] Registration read(const RegistrationOptions& options);

/// Those faults, and those of the record as a whole. Error: status_usage.
[[nodiscard]] Outcome<void> check(const Registration& registration,
                                  const storage::ClientRecord& client,
                                  const config::Config& config);

/// The options of both commands, and those of `update` alone, which take something back.
void add_registration_options(Command command, RegistrationOptions& options);
void add_clearing_options(Command command, RegistrationOptions& options);

}  // namespace grantd::cli
