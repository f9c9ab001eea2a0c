/// Where the clients, secrets and revocations are: `sqlite:PATH`, or a connection URI of
/// PostgreSQL's (libpq's own grammar: several hosts, parameters), without a password.
/// Private to config/.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>

#include "config/field.h"

namespace grantd::config {

inline constexpr std::string_view sqlite_prefix = "sqlite:";
inline constexpr std::string_view postgres_prefix = "postgresql://";

[[nodiscard]] Field storage_url(Words words);

/// libpq's keywords of a URL, as they stand there; storage/postgres/hosts.h adds what is missing.
/// Error: what is wrong, which repeats no value.
[[nodiscard]] std::expected<std::map<std::string, std::string>, std::string> parse_postgres_url(
    const std::string& url);

}  // namespace grantd::config
