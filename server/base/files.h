/// Files that hold secrets: read with a limit, checked for who else can read them, written so that
/// a crash leaves the old content or the new, never half of it.
///
/// Calls block. Errors are one sentence that names the file, what was found and what is expected.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/secret.h"

namespace grantd {

using FileError = std::string;

/// The whole content; a file over `max_bytes` is refused.
[[nodiscard]] std::expected<std::string, FileError> read_file(const std::filesystem::path& path,
                                                              std::size_t max_bytes);

struct PrivateFile {
  SecretString content;
  /// Set where the file's group can read it: allowed (Kubernetes' fsGroup needs it), worth a
  /// warning.
  std::optional<std::string> warning{};
};

/// As read_file, for a file with a secret: refused where others can read or write it, or where it
/// is no regular file. Checks and reads the same open descriptor.
[[nodiscard]] std::expected<PrivateFile, FileError> read_private_file(
    const std::filesystem::path& path, std::size_t max_bytes);

enum class IfExists { refuse, replace };

/// Writes mode 0600 by way of a temporary file beside it (`.grantd-<16 hex>.tmp`, left behind only
/// by a crash), fsync, rename, fsync of the directory. `refuse` is atomic; a link is replaced,
/// never written through. Where root writes into somebody's directory, the file goes to the
/// directory's owner.
[[nodiscard]] std::expected<void, FileError> write_private_file(const std::filesystem::path& path,
                                                                std::string_view content,
                                                                IfExists if_exists);

/// As write_private_file with mode 0644: certificates, configuration without secrets.
[[nodiscard]] std::expected<void, FileError> write_public_file(const std::filesystem::path& path,
                                                               std::string_view content,
                                                               IfExists if_exists);

/// Makes the directory (mode 0700) with its parents where it is missing, owned as the parent is.
[[nodiscard]] std::expected<void, FileError> make_private_directory(
    const std::filesystem::path& path);

/// Where root runs a command: gives `path` to the owner of its directory, so that the service's
/// user can still read it. Nothing otherwise.
[[nodiscard]] std::expected<void, FileError> give_to_directory_owner(
    const std::filesystem::path& path);

}  // namespace grantd
