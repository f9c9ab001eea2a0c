/// A client secret on its way into the storage. Private to server/cli.
#pragma once

#include <optional>
#include <string>

#include "server/base/secret.h"
#include "server/cli/context.h"
#include "storage/records.h"

namespace grantd::cli {

struct NewSecret {
  storage::SecretRecord record{};
  /// Empty where it was brought: whoever brought it has it.
  SecretString text{};
};

struct SecretOrder {
  std::string label{};
  std::optional<std::chrono::seconds> expires_in{};
  std::optional<std::filesystem::path> from_file{};
};

/// Generates the secret or reads it, and digests it; its pepper is known to the database
/// afterwards, so that the digest may be stored.
[[nodiscard]] Outcome<NewSecret> make_secret(Context& context, const SecretOrder& order);

}  // namespace grantd::cli
