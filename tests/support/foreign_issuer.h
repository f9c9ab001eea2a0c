/// An authorization server that is not grantd: a key, its JWKS file, and tokens signed with it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "server/jose/base64url.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_keys.h"

namespace grantd::testing {

class ForeignIssuer {
 public:
  static constexpr auto issuer = "https://idp.example.com";
  static constexpr auto kid = "idp-1";

  /// Writes its JWKS, a key for encryption beside the one for signatures.
  void write_jwks(const std::filesystem::path& file) const {
    auto key = nlohmann::json::parse(key_->public_key()->jwk());
    key["kid"] = kid;
    auto other = nlohmann::json::parse(test_key(1)->public_key()->jwk());
    other["use"] = "enc";
    other["kid"] = "idp-enc";
    write_text(file, nlohmann::json{{"keys", {other, key}}}.dump(), 0644);
  }

  /// `header` is laid over {"alg":"RS256","typ":"JWT","kid":…}.
  [[nodiscard]] std::string sign(const nlohmann::json& claims,
                                 const nlohmann::json& header = nlohmann::json::object()) const {
    nlohmann::json whole = {{"alg", "RS256"}, {"typ", "JWT"}, {"kid", kid}};
    whole.update(header);
    const auto input = jose::base64url(whole.dump()) + "." + jose::base64url(claims.dump());
    return input + "." + jose::base64url(key_->sign_rs256(input));
  }

 private:
  std::shared_ptr<const jose::RsaPrivateKey> key_ = test_key(0);
};

}  // namespace grantd::testing
