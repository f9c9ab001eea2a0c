#include "server/jose/rsa_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <utility>

#include "server/jose/base64url.h"
#include "server/jose/blinded_rsa.h"
#include "server/jose/key_contexts.h"
#include "server/jose/mac.h"
#include "server/jose/openssl.h"
#include "server/jose/public_jwk.h"
#include "server/jose/strict_json.h"

namespace grantd::jose {
namespace {

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string big_endian(const BIGNUM* number) {
  std::string out(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

}  // namespace

void EvpKeyFree::operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }

RsaPublicKey::RsaPublicKey() = default;
RsaPublicKey::~RsaPublicKey() = default;
RsaPrivateKey::RsaPrivateKey() = default;
RsaPrivateKey::~RsaPrivateKey() = default;

std::expected<std::shared_ptr<const RsaPublicKey>, std::string> RsaPublicKey::make(
    const std::string& n, const std::string& e) {
  auto evp_key = rsa_evp_key(n, e);
  if (!evp_key) return std::unexpected(evp_key.error());

  std::shared_ptr<RsaPublicKey> key(new RsaPublicKey());
  key->key_ = std::move(*evp_key);
  key->verifying_ = std::make_unique<KeyContexts>(key->key_.get(), KeyContexts::Use::verify);
  const std::string e64 = base64url(e);
  const std::string n64 = base64url(n);
  key->kid_ = base64url(sha256(R"({"e":")" + e64 + R"(","kty":"RSA","n":")" + n64 + R"("})"));
  key->jwk_ = R"({"kty":"RSA","use":"sig","alg":"RS256","kid":")" + key->kid_ + R"(","n":")" + n64 +
              R"(","e":")" + e64 + R"("})";
  return key;
}

std::expected<std::shared_ptr<const RsaPublicKey>, std::string> RsaPublicKey::from_jwk(
    std::string_view json) {
  const auto jwk = parse_object(json, max_jwk_depth);
  if (!jwk) return std::unexpected("the JWK cannot be read: " + jwk.error());
  const std::string* kty = find_string(*jwk, "kty");
  if (kty == nullptr || *kty != "RSA") return std::unexpected("the JWK's kty is not RSA");
  if (const auto is_public = refuse_private_members(*jwk); !is_public) {
    return std::unexpected(is_public.error());
  }
  const auto numbers = rsa_numbers(*jwk);
  if (!numbers) return std::unexpected(numbers.error());
  return make(numbers->n, numbers->e);
}

bool RsaPublicKey::verify_rs256(std::string_view signing_input, std::string_view signature) const {
  const Sha256 digest = sha256(signing_input);
  KeyContext context = verifying_->take();
  const bool good =
      context != nullptr && EVP_PKEY_verify(context.get(), octets(signature), signature.size(),
                                            digest.data(), digest.size()) == 1;
  if (good) {
    verifying_->give_back(std::move(context));
  } else {
    ERR_clear_error();
  }
  return good;
}

std::expected<std::shared_ptr<const RsaPrivateKey>, std::string> RsaPrivateKey::adopt(EvpKey key) {
  BIGNUM* n = nullptr;
  BIGNUM* e = nullptr;
  EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_N, &n);
  EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_E, &e);
  const BigNumber modulus(n);
  const BigNumber exponent(e);
  if (modulus == nullptr || exponent == nullptr) {
    ERR_clear_error();
    return std::unexpected("found an RSA key without modulus or exponent");
  }
  auto public_key = RsaPublicKey::make(big_endian(n), big_endian(e));
  if (!public_key) return std::unexpected(public_key.error());

  std::shared_ptr<RsaPrivateKey> adopted(new RsaPrivateKey());
  adopted->key_ = std::move(key);
  adopted->signing_ = std::make_unique<KeyContexts>(adopted->key_.get(), KeyContexts::Use::sign);
  adopted->public_ = std::move(*public_key);
  return adopted;
}

std::expected<std::shared_ptr<const RsaPrivateKey>, std::string> RsaPrivateKey::generate() {
  EvpKey key(EVP_RSA_gen(static_cast<unsigned>(generated_rsa_bits)));
  if (key == nullptr) {
    ERR_clear_error();
    return std::unexpected("OpenSSL could not generate an RSA key");
  }
  return adopt(std::move(key));
}

std::string RsaPrivateKey::sign_rs256(std::string_view signing_input) const {
  const Sha256 digest = sha256(signing_input);
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  std::size_t size = signature.size();
  KeyContext context = signing_->take();
  if (context == nullptr ||
      EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                    digest.data(), digest.size()) != 1) {
    ERR_clear_error();
    return {};
  }
  signing_->give_back(std::move(context));
  signature.resize(size);
  return signature;
}

const BlindedRsa* RsaPrivateKey::blinded() const {
  std::call_once(blinded_once_, [this] { blinded_ = BlindedRsa::make(*key_); });
  return blinded_.get();
}

}  // namespace grantd::jose
