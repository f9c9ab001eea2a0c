/// Where a signature comes from: awaited, so that a signer which gathers what is pending into one
/// batch can stand behind the same seam.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <expected>
#include <string>
#include <string_view>

#include "server/jose/rsa_key.h"

namespace grantd::keys {

struct SigningFailed {};

class Signer {
 public:
  virtual ~Signer() = default;
  /// RS256 over `signing_input`; raw signature octets. Both arguments must live until it resumes.
  virtual boost::asio::awaitable<std::expected<std::string, SigningFailed>> sign(
      const jose::RsaPrivateKey& key, std::string_view signing_input) = 0;
};

/// Signs at once on the caller's thread: some 300 µs for RSA-2048, no hand-over, no queue.
class OpenSslSigner final : public Signer {
 public:
  boost::asio::awaitable<std::expected<std::string, SigningFailed>> sign(
      const jose::RsaPrivateKey& key, std::string_view signing_input) override;
};

}  // namespace grantd::keys
