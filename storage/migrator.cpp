#include "storage/migrator.h"

#include <algorithm>

namespace grantd::storage {
namespace {

const Migration* find_known(std::span<const Migration> known, int number) {
  const auto found = std::ranges::find(known, number, &Migration::number);
  return found == known.end() ? nullptr : &*found;
}

bool is_applied(std::span<const AppliedMigration> applied, int number) {
  return std::ranges::find(applied, number, &AppliedMigration::number) != applied.end();
}

}  // namespace

std::expected<std::vector<Migration>, std::string> plan_migrations(
    std::span<const Migration> known, std::span<const AppliedMigration> applied) {
  const int level = known.empty() ? 0 : known.back().number;
  int newest_applied = 0;
  for (const AppliedMigration& each : applied) {
    newest_applied = std::max(newest_applied, each.number);
    const Migration* ours = find_known(known, each.number);
    if (ours != nullptr && ours->checksum != each.checksum) {
      return std::unexpected("migration " + each.name +
                             " was applied to this database with another content than this grantd "
                             "knows: use the grantd that applied it, or restore a backup");
    }
    if (each.compatible_from > level) {
      return std::unexpected(
          "migration " + each.name + " of this database needs a grantd of level " +
          std::to_string(each.compatible_from) + " or later, this one has level " +
          std::to_string(level) + ": install a newer grantd");
    }
  }

  std::vector<Migration> plan;
  for (const Migration& ours : known) {
    if (is_applied(applied, ours.number)) continue;
    if (ours.number < newest_applied) {
      return std::unexpected("migration " + std::string(ours.name) +
                             " is missing from this database though later ones were applied: "
                             "restore a backup");
    }
    plan.push_back(ours);
  }
  return plan;
}

}  // namespace grantd::storage
