/// Where a database may be reached: the lists of hosts in libpq's keywords taken apart, so that
/// each address gets a time-out of its own, which libpq's non-blocking calls do not give.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "storage/postgres/connection.h"

namespace grantd::storage::postgres {

/// Addresses of one host name that are tried.
inline constexpr std::size_t max_addresses = 4;
/// Look-ups of names that may hang at once.
inline constexpr std::size_t max_lookups = 4;

/// The keywords of each host, in the order given, with our own defaults: `sslmode=verify-full` for
/// hosts reached over a network, `target_session_attrs=read-write`, and without libpq's file of
/// passwords. Error: one sentence.
[[nodiscard]] std::expected<std::vector<Keywords>, std::string> split_hosts(
    const Keywords& parameters);

/// A host's keywords for each of its addresses (`hostaddr`). A name is looked up on a thread of its
/// own, since getaddrinfo knows no time-out; that thread outlives a late answer. Error: one
/// sentence.
[[nodiscard]] std::expected<std::vector<Keywords>, std::string> look_up(const Keywords& host,
                                                                        SteadyTime deadline);

/// Whether it is reached through a Unix socket.
[[nodiscard]] bool is_local_socket(const Keywords& host);
/// "db1.example:5432", or the socket's directory.
[[nodiscard]] std::string display_name(const Keywords& host);
/// One sentence where the server's identity is not verified on the way to another machine.
[[nodiscard]] std::optional<std::string> tls_warning(const Keywords& host);

}  // namespace grantd::storage::postgres
