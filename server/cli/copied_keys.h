/// The private signing keys that move into a database with `storage copy`: PEM files until then.
/// Private to server/cli.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/cli/command.h"
#include "server/cli/table_copy.h"
#include "server/keys/key_directory.h"
#include "server/keys/wrapping.h"

namespace grantd::cli {

struct CopiedKeys {
  WrappedKeys wrapped{};  // those that the source's database does not hold itself
  std::vector<std::string> warnings{};
  /// While the copy lasts no command changes a key of the old installation.
  std::optional<keys::KeyDirectory::Lock> lock{};
};

/// Every key that is still published and has a PEM in `directory` is wrapped under the first line
/// of `wrapping`. Refused, by kid: a key that signs or may come to sign whose private half is
/// neither in there nor in the source's database; and a wrapping key that `wrapping` lacks.
[[nodiscard]] Outcome<CopiedKeys> gather_keys(storage::KeyStore& source,
                                              const keys::WrappingKeys& wrapping,
                                              const std::filesystem::path& directory,
                                              Random& random, WallTime now);

/// Whether each of `wrapped` opens, and as the key whose kid it bears. Error: one sentence.
[[nodiscard]] std::expected<void, std::string> check_unwrapping(const keys::WrappingKeys& wrapping,
                                                                const WrappedKeys& wrapped);

}  // namespace grantd::cli
