#include "server/tokens/signing.h"

#include "server/jose/base64url.h"
#include "server/tokens/claims.h"

namespace grantd::tokens {
namespace {

using oauth::Error;
using oauth::ErrorCode;

// Results are made in plain functions: docs/adr/0002.
oauth::Result<std::string> no_signing_key() {
  return std::unexpected(Error{ErrorCode::temporarily_unavailable,
                               "nothing can be signed now, try again", "no_signing_key"});
}

oauth::Result<std::string> signing_failed() {
  return std::unexpected(Error{ErrorCode::server_error, {}, "signing_failed"});
}

oauth::Result<std::string> complete(std::string signing_input, std::string_view signature) {
  signing_input += '.';
  jose::append_base64url(signing_input, signature);
  return signing_input;
}

}  // namespace

oauth::Result<std::string> sign_compact(const jose::RsaPrivateKey& key, std::string_view typ,
                                        std::string_view payload) {
  auto input = signing_input_of(key.kid(), typ, payload);
  const std::string signature = key.sign_rs256(input);
  if (signature.empty()) return signing_failed();
  return complete(std::move(input), signature);
}

boost::asio::awaitable<oauth::Result<std::string>> sign_compact(const keys::KeySet& keys,
                                                                keys::Signer& signer,
                                                                std::string_view typ,
                                                                std::string payload) {
  const auto& key = keys.signing();
  if (!key) co_return no_signing_key();
  auto input = signing_input_of(key->kid(), typ, payload);
  const auto signature = co_await signer.sign(*key, input);
  if (!signature) co_return signing_failed();
  co_return complete(std::move(input), *signature);
}

}  // namespace grantd::tokens
