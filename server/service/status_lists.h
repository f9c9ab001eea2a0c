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

}  // namespace grantd::service
