/// What a new key's record is, and how a decision over the stored keys is written down. Private to
/// keys/.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/jose/rsa_key.h"
#include "server/keys/rotation.h"
#include "storage/stores.h"

namespace grantd::keys {

/// May be called again where the transaction is tried again.
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

/// A key that an operator brought, with its times; nothing where it is known already.
void add_operators_key(Records& records, const jose::RsaPrivateKey& key,
                       const RotationSettings& settings, WallTime now);

/// Null where storage does not know it.
[[nodiscard]] const storage::KeyRecord* find_record(const Records& records, std::string_view kid);

/// What is stored once the key that signs is published for as long as its tokens may live under
/// `settings`: to be written before the first of them is issued. Nothing is written where `known`,
/// what was stored last, says so already.
[[nodiscard]] storage::StoreResult<Records> record_limits(storage::KeyStore& store, Records known,
                                                          const RotationSettings& settings,
                                                          WallTime now, std::string_view actor);

/// `records` as they are once `update` is stored.
[[nodiscard]] Records with(Records records, const storage::KeyStore::Update& update);

}  // namespace grantd::keys
