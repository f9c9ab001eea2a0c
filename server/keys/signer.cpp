#include "server/keys/signer.h"

#include <utility>

namespace grantd::keys {

boost::asio::awaitable<std::expected<std::string, SigningFailed>> OpenSslSigner::sign(
    const jose::RsaPrivateKey& key, std::string_view signing_input) {
  std::string signature = key.sign_rs256(signing_input);
  if (signature.empty()) co_return std::unexpected(SigningFailed{});
  co_return std::move(signature);
}

}  // namespace grantd::keys
