/// What a database says of itself besides its records: its clock, and how safely it keeps what it
/// acknowledges.
#pragma once

#include <string>
#include <vector>

#include "server/base/clock.h"
#include "storage/postgres/connection.h"

namespace grantd::storage::postgres {

/// Its wall clock at the moment of answering. Throws Failure.
[[nodiscard]] WallTime read_clock(Connection& connection);

/// One sentence for each setting of the server by which an acknowledged change can be lost. Throws
/// Failure.
[[nodiscard]] std::vector<std::string> durability_warnings(Connection& connection);

}  // namespace grantd::storage::postgres
