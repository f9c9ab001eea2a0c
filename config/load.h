/// From a file and the environment to a validated Config, or all faults at once.
#pragma once

#include <expected>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace grantd::config {

struct Fault {
  std::string path{};      // "limits.request_body", or the file's name for a fault of syntax
  std::string found{};     // as JSON, cut to 80 characters; never a secret (there is none in here)
  std::string expected{};  // in words
};

/// `"PATH: found FOUND, expected EXPECTED"`.
[[nodiscard]] std::string describe(const Fault& fault);

/// Only GRANTD_* variables matter.
using Environment = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] Environment process_environment();

/// Reads the file (at most max_file_bytes; JSON with // and /* */ comments; duplicate and unknown
/// keys are faults), lays the environment over it, fills in defaults, checks every value and every
/// unsafe combination. Reads nothing else: files it names are checked by whoever opens them.
[[nodiscard]] std::expected<Config, std::vector<Fault>> load(const std::filesystem::path& file,
                                                             const Environment& environment);
/// The same for text in memory (`file` names it and its directory).
[[nodiscard]] std::expected<Config, std::vector<Fault>> parse(std::string_view text,
                                                              const std::filesystem::path& file,
                                                              const Environment& environment);

inline constexpr std::size_t max_file_bytes = 1024 * 1024;

/// The values in force as a JSON document in the file's own shape (`grantd config show`).
[[nodiscard]] std::string show(const Config& config);

struct ReloadPlan {
  Config effective{};  // `next` with what only a restart changes kept from `running`
  std::vector<std::string> needs_restart{};  // paths that differ and were kept
};
/// What a reload may apply (interface.md, "Reload").
[[nodiscard]] ReloadPlan plan_reload(const Config& running, const Config& next);

/// Rendered from the same table as the parser: config/grantd.schema.json,
/// config/grantd.example.json and docs/configuration.md. A test compares.
[[nodiscard]] std::string render_json_schema();
/// `values` stand in the example instead of the defaults: JSON by path.
[[nodiscard]] std::string render_example(
    std::string_view issuer, const std::map<std::string, std::string, std::less<>>& values = {});
[[nodiscard]] std::string render_reference();

}  // namespace grantd::config
