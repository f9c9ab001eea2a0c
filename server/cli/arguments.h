/// The command line before CLI11 sees it. Private to server/cli. Pure.
#pragma once

#include <string>
#include <vector>

namespace grantd::cli {

/// `arguments` without the program's name.
///
/// A kid may begin with '-' (base64url): with `key retire`, exactly 43 base64url characters are a
/// kid, never an option. `--name=` is an empty value; CLI11 would take the next argument for it.
[[nodiscard]] std::vector<std::string> prepare_arguments(std::vector<std::string> arguments);

/// An argument as a diagnostic may repeat it: what is long may be a secret or a token.
[[nodiscard]] std::string repeatable(const std::string& argument);
inline constexpr std::size_t max_repeated_characters = 24;

}  // namespace grantd::cli
