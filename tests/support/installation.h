/// An installation of grantd in a directory of its own, worked on with the real binary.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace grantd::testing {

using Arguments = std::vector<std::string>;

/// The binary with these arguments alone.
ProcessResult grantd(const Arguments& arguments, const ProcessEnvironment& environment = {},
                     std::string_view input = {});

class Installation {
 public:
  static constexpr auto issuer = "https://auth.example.com";

  enum class Database { migrated, absent };
  /// What `grantd init` and `grantd migrate` make; throws where they fail. `storage_url`: what init
  /// is given as --storage; else SQLite.
  explicit Installation(Database database = Database::migrated,
                        const std::string& storage_url = {});

  [[nodiscard]] std::filesystem::path directory() const { return temporary_ / "grantd"; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return directory() / name;
  }

  /// A command on this configuration.
  [[nodiscard]] ProcessResult run(Arguments arguments, const ProcessEnvironment& environment = {},
                                  std::string_view input = {}) const;
  /// The same with --json: the document on stdout. Throws where the status is not 0.
  [[nodiscard]] nlohmann::json json(Arguments arguments, std::string_view input = {}) const;

  /// Registers a client with `options`; its secret.
  std::string create_client(const std::string& id, const Arguments& options = {}) const;

 private:
  TempDir temporary_;
};

}  // namespace grantd::testing
