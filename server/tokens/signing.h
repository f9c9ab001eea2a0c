/// JSON signed with the key that signs now, as a compact JWS (RFC 7515 §3.1): access tokens and
/// the documents that grantd signs itself, told apart by `typ` (RFC 8725 §3.11).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "server/keys/key_set.h"
#include "server/keys/signer.h"
#include "server/oauth/error.h"

namespace grantd::tokens {

/// On the caller's own thread, past the Signer and whatever it gathers: for the blocking pool.
/// Errors: server_error where signing failed.
[[nodiscard]] oauth::Result<std::string> sign_compact(const jose::RsaPrivateKey& key,
                                                      std::string_view typ,
                                                      std::string_view payload);

/// `payload`: a JSON object. `keys` and `typ` must live until it resumes. Errors:
/// temporarily_unavailable where no key may sign, server_error where signing failed.
boost::asio::awaitable<oauth::Result<std::string>> sign_compact(const keys::KeySet& keys,
                                                                keys::Signer& signer,
                                                                std::string_view typ,
                                                                std::string payload);

}  // namespace grantd::tokens
