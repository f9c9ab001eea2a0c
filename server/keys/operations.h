/// What an operator's command does to keys, on running servers or without one: custody and storage
/// together.
///
/// Calls block. Errors say what was found and what to do.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "server/keys/custody.h"
#include "server/keys/rotation.h"
#include "storage/stores.h"

namespace grantd::keys {

struct OperationError {
  enum class Kind { not_found, not_in_this_state, bad_input, unavailable };
  Kind kind{};
  std::string detail{};
};
template <typename T>
using OperationResult = std::expected<T, OperationError>;

struct KeyAccess {
  KeyCustody& custody;
  storage::KeyStore& store;
  RotationSettings settings{};
  std::string actor{};
};

/// A new key, published now, signing from now + publish_before; the first of an installation at
/// once.
[[nodiscard]] OperationResult<storage::KeyRecord> generate_key(KeyAccess& access, WallTime now);
/// A PKCS#8 PEM brought from elsewhere; the same times. A key that is there already, or was ever
/// retired, is refused. Where custody lost the private half of a live key, or cannot open it, and
/// takes it back: that alone is put back, and its times stay.
[[nodiscard]] OperationResult<storage::KeyRecord> import_key(KeyAccess& access,
                                                             std::string_view pem, WallTime now);
/// Hands over to the key that may sign; none: not_in_this_state, with what to do.
[[nodiscard]] OperationResult<storage::KeyRecord> retire_key(KeyAccess& access,
                                                             std::string_view kid, WallTime now);

struct CompromisedResult {
  storage::KeyRecord retired{};
  std::string signing{};  // the kid that signs from now on
  std::string warning{};  // about verifiers' caches, where that key was not published before
};
/// For a leaked key: out of the JWKS at once, its private half to `retired/` or deleted, another
/// key signs at once.
[[nodiscard]] OperationResult<CompromisedResult> retire_key_now(KeyAccess& access,
                                                                std::string_view kid, WallTime now);

}  // namespace grantd::keys
