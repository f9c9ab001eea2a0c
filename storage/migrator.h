/// Numbered SQL migrations with checksums, embedded into the binary (`migrations/`), forward only.
///
/// Each file's first lines state `-- compatible_from: N`: the lowest level of a binary that can
/// still work on a database that has it applied. A binary's own level is its newest migration. It
/// refuses a database only where that demand is above its own level, or where an applied migration
/// was changed afterwards. Pure, but for the backend that applies them.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace grantd::storage {

struct Migration {
  int number{0};
  std::string_view name{};  // "0001_initial"
  std::string_view sql{};
  std::string_view checksum{};  // SHA-256 of the file, hex; computed at build time
  int compatible_from{0};
};

struct AppliedMigration {
  int number{0};
  std::string name{};
  std::string checksum{};
  int compatible_from{0};
};

/// The embedded ones of each backend, ascending.
[[nodiscard]] std::span<const Migration> sqlite_migrations();
[[nodiscard]] std::span<const Migration> postgres_migrations();

/// Which of `known` are to be applied, in order. Error: why this binary must not touch that
/// database: what was found and what to do.
[[nodiscard]] std::expected<std::vector<Migration>, std::string> plan_migrations(
    std::span<const Migration> known, std::span<const AppliedMigration> applied);

}  // namespace grantd::storage
