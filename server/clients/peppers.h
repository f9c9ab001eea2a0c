/// The peppers under which secrets are digested, read from `storage.pepper_file`.
///
/// One a line, 64 hex digits: the first makes new digests, all check. Each has an id derived from
/// it, and a check value, so that a file that lacks a line in use is noticed by name. Immutable and
/// thread-safe; cleansed.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/key_lines.h"
#include "server/base/random.h"
#include "server/base/secret.h"
#include "storage/stores.h"

namespace grantd::clients {

class Peppers {
 public:
  /// Error: a sentence that names the line and what is expected, never its content.
  [[nodiscard]] static std::expected<Peppers, std::string> parse(std::string_view content);

  struct Loaded;
  /// Reads the file; missing: a sentence that says how to make one.
  [[nodiscard]] static std::expected<Loaded, std::string> load(const std::filesystem::path& file);

  /// A new pepper line for `init` and `serve --dev`.
  [[nodiscard]] static SecretString generate_line(Random& random);

  /// The pepper of new digests.
  [[nodiscard]] storage::PepperCheck current() const;
  [[nodiscard]] storage::Digest digest_with_current(std::string_view secret) const;

  /// Nothing where no line has that id.
  [[nodiscard]] std::optional<storage::Digest> digest(std::string_view pepper_id,
                                                      std::string_view secret) const;

  /// Error: names the peppers that the database uses and the file lacks.
  [[nodiscard]] std::expected<void, std::string> covers(
      std::span<const storage::PepperCheck> in_use) const;

 private:
  struct Pepper {
    std::string id{};
    KeyLine key{};
    storage::Digest check{};
  };
  Peppers() = default;
  std::vector<Pepper> peppers_;
};

struct Peppers::Loaded {
  Peppers peppers;
  std::optional<std::string> warning{};
};

}  // namespace grantd::clients
