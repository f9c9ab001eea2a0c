/// All tables of one database moved into another, and compared before they are committed.
/// Private to server/cli.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "storage/copy.h"

namespace grantd::cli {

using WrappedKeys = std::vector<storage::KeyStore::WrappedKey>;

struct CopiedTable {
  std::string name{};
  std::size_t rows{0};
  std::string sha256{};  // hex; of the canonical form of all rows, in the order of the key
};

/// Count and digest of each table are computed from what `source` gives, and once more from what
/// `target` reads back inside its transaction; where they differ it is undone.
///
/// `added` are private keys that the source has elsewhere: they go into `wrapped_key` besides its
/// own. `check` sees that table as it was read back and may refuse with a sentence. Errors: refused
/// (which table differs, or why `check` refuses), those of source and target.
[[nodiscard]] storage::StoreResult<std::vector<CopiedTable>> copy_tables(
    storage::TableSource& source, storage::TableTarget& target, const WrappedKeys& added,
    const std::function<std::expected<void, std::string>(const WrappedKeys&)>& check);

}  // namespace grantd::cli
