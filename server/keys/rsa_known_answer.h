/// What a backend has to get right before it may sign.
#pragma once

#include <expected>
#include <string>

#include "server/keys/rsa_batch.h"

namespace grantd::keys {

/// Signs the example of RFC 7515 §A.2 in all lanes, and in as few as are ever put into one batch,
/// and compares with the signature that stands there; then other messages, and compares with
/// OpenSSL's. Nothing is read from a file. Takes about 5 ms. Error: what was found.
[[nodiscard]] std::expected<void, std::string> known_answer_test(RsaBatch& backend);

}  // namespace grantd::keys
