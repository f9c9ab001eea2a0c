/// Where the indexes of Token Status Lists come from: storage, a block at a time.
#pragma once

#include "config/config.h"
#include "server/observe/metrics.h"
#include "server/tokens/status_indexes.h"
#include "server/tokens/status_lists.h"
#include "storage/stores.h"

namespace grantd::service {

/// Makes each list known to `lists` before its first index is given out. The references must
/// outlive what is returned.
[[nodiscard]] tokens::StatusIndexes::Reserve reserve_from(
    storage::StatusListStore& store, tokens::StatusLists& lists, observe::Metrics& metrics,
    const config::Config::StatusLists& settings);

/// On a database that nodes share, entries for storage.offline_grace are reserved ahead.
[[nodiscard]] tokens::StatusIndexes::Settings status_indexes_of(const config::Config& config);

}  // namespace grantd::service
