/// How a new key comes into storage and directory together. Private to keys/.
///
/// File (`.pem.new`), then transaction, then rename: a crash in between leaves either nothing that
/// storage knows, or a file that the next recovery puts in place.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/keys/key_directory.h"
#include "server/keys/rotation.h"
#include "storage/stores.h"

namespace grantd::keys {

using Records = std::vector<storage::KeyRecord>;

using Decide = std::function<std::expected<storage::KeyStore::Update, std::string>(const Records&)>;

/// When a newly published key may sign.
enum class SignsFrom {
  after_publish_before,
  at_once,  // the first key of an installation, or in place of a leaked one
};

[[nodiscard]] storage::KeyRecord new_record(const jose::RsaPublicKey& key,
                                            storage::KeyOrigin origin, SignsFrom signs_from,
                                            const RotationSettings& settings, WallTime now);

/// The first key of an installation has nobody to wait for.
[[nodiscard]] SignsFrom signs_from_after(const Records& known);

/// Null where storage does not know it.
[[nodiscard]] const storage::KeyRecord* find_record(const Records& records, std::string_view kid);

/// `records` as they are once `update` is stored.
[[nodiscard]] Records with(Records records, const storage::KeyStore::Update& update);

/// Puts what a crash left behind right, as `known` says. Sentences for what could not be done.
std::vector<std::string> recover(const KeyDirectory& directory, const KeyDirectory::Lock& lock,
                                 const Records& known);

/// Writes the key's file and what `decide` makes of the stored keys. `decide` must put the key in,
/// or refuse.
[[nodiscard]] storage::StoreResult<Records> publish(
    const KeyDirectory& directory, const KeyDirectory::Lock& lock, storage::KeyStore& store,
    const jose::RsaPrivateKey& key, const Decide& decide, WallTime now, std::string_view actor);

}  // namespace grantd::keys
