/// What a command says on stdout: with --json one JSON document, else the same for people.
/// Private to server/cli.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"
#include "server/cli/command.h"

namespace grantd::cli {

/// Keeps the order of its members.
using Document = nlohmann::ordered_json;

/// What others chose (a claim, a name) must not reach the terminal as control sequences.
[[nodiscard]] std::string harmless(std::string_view text);

/// For people, an object becomes lines of name and value, an array of objects a table whose header
/// is `columns`.
[[nodiscard]] std::string render_for_people(const Document& document,
                                            const std::vector<std::string>& columns);
[[nodiscard]] std::string render_json(const Document& document);

void print(const Invocation& invocation, const Document& object);
void print_rows(const Invocation& invocation, const std::vector<std::string>& columns,
                const Document& rows);

/// RFC 3339 UTC, or null.
[[nodiscard]] Document time_or_null(const std::optional<sys_seconds>& time);

}  // namespace grantd::cli
