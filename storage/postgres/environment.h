/// What libpq would take from the process's environment.
#pragma once

namespace grantd::storage::postgres {

/// Takes libpq's variables (all whose names begin with PG) away from this process, so that the
/// configuration alone says where the database is and how it is reached. To pass our own value for
/// each would not do: PGSERVICE counts unless a service is given that exists, and PGHOSTADDR leads
/// away from a socket. Before the first thread begins: getenv is not safe beside it.
void forget_environment();

}  // namespace grantd::storage::postgres
