/// The signing key and the published keys at one moment: immutable, swapped whole.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/jose/rsa_key.h"

namespace grantd::keys {

class KeySet {
 public:
  /// `signing` may be null: no key may sign. `published` holds the signing key too, in the order of
  /// the JWKS.
  KeySet(std::shared_ptr<const jose::RsaPrivateKey> signing,
         std::vector<std::shared_ptr<const jose::RsaPublicKey>> published);

  [[nodiscard]] const std::shared_ptr<const jose::RsaPrivateKey>& signing() const {
    return signing_;
  }
  /// The published key of that kid, or null.
  [[nodiscard]] std::shared_ptr<const jose::RsaPublicKey> find(std::string_view kid) const;

  /// {"keys":[…]} (RFC 7517 §5), rendered once.
  [[nodiscard]] const std::shared_ptr<const std::string>& jwks() const { return jwks_; }
  /// Strong entity tag with its quotes (RFC 9110 §8.8.3).
  [[nodiscard]] const std::string& jwks_etag() const { return jwks_etag_; }
  [[nodiscard]] std::size_t size() const { return published_.size(); }

 private:
  std::shared_ptr<const jose::RsaPrivateKey> signing_;
  std::vector<std::shared_ptr<const jose::RsaPublicKey>> published_;
  std::shared_ptr<const std::string> jwks_;
  std::string jwks_etag_;
};

}  // namespace grantd::keys
