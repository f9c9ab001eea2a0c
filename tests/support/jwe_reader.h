/// The reader's side of encrypted tokens, for tests: a key pair and the decryption of RFC 7516
/// §5.2, written apart from the server's code so that one does not mirror the other's mistakes.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "server/jose/rsa_key.h"

namespace grantd::testing {

class JweReader {
 public:
  /// RSA with `bits`, for RSA-OAEP-256.
  [[nodiscard]] static JweReader rsa(const std::string& kid, unsigned bits = 2048);
  /// "P-256", "P-384", "P-521", for ECDH-ES+A256KW.
  [[nodiscard]] static JweReader ec(const std::string& kid, const std::string& curve = "P-256");

  /// With use "enc" and alg.
  [[nodiscard]] const nlohmann::json& jwk() const { return jwk_; }
  /// {"keys":[…]} of this key and those behind it.
  [[nodiscard]] std::string jwks(std::initializer_list<nlohmann::json> more = {}) const;

  struct Opened {
    nlohmann::json header{};
    std::string content{};
  };
  /// Throws where anything is wrong, the tag above all.
  [[nodiscard]] Opened open(const std::string& jwe) const;

 private:
  [[nodiscard]] std::string content_key(const nlohmann::json& header,
                                        const std::string& encrypted) const;
  [[nodiscard]] std::string agreed_key(const nlohmann::json& header) const;
  jose::EvpKey key_;
  nlohmann::json jwk_;
};

}  // namespace grantd::testing
