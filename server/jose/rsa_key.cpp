#include "server/jose/rsa_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <array>
#include <optional>
#include <utility>

#include "server/jose/base64url.h"
#include "server/jose/mac.h"
#include "server/jose/openssl.h"
#include "server/jose/strict_json.h"

namespace grantd::jose {
namespace {

using ParamBuild = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;

constexpr std::size_t max_jwk_depth = 4;
constexpr std::size_t max_exponent_octets = 8;

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

BigNumber big_number(const std::string& big_endian) {
  return BigNumber(BN_bin2bn(octets(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

std::string big_endian(const BIGNUM* number) {
  std::string out(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

EvpKey public_evp_key(const BIGNUM* n, const BIGNUM* e) {
  const ParamBuild build(OSSL_PARAM_BLD_new());
  if (build == nullptr || OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
      OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e) != 1) {
    return nullptr;
  }
  const Params params(OSSL_PARAM_BLD_to_param(build.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return EvpKey(key);
}

std::optional<std::string> wrong_size(int bits) {
  if (bits >= min_rsa_bits && bits <= max_rsa_bits) return std::nullopt;
  return "found an RSA key of " + std::to_string(bits) + " bits, expected " +
         std::to_string(min_rsa_bits) + " to " + std::to_string(max_rsa_bits);
}

/// A member of a JWK that is a positive number in as few octets as can be (RFC 7518 §2).
std::expected<std::string, std::string> number_member(const nlohmann::json& jwk,
                                                      const char* member) {
  const std::string* text = find_string(jwk, member);
  auto number = text == nullptr ? std::nullopt : base64url_decode(*text);
  if (!number || number->empty() || number->front() == '\0') {
    return std::unexpected(std::string("the JWK's member ") + member +
                           " is missing or malformed, expected base64url without leading zeros");
  }
  return std::move(*number);
}

}  // namespace

void EvpKeyFree::operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }

std::expected<std::shared_ptr<const RsaPublicKey>, std::string> RsaPublicKey::make(
    const std::string& n, const std::string& e) {
  // Before the numbers are made, so that a long text costs nothing.
  if (n.size() * 8 > static_cast<std::size_t>(max_rsa_bits)) {
    return std::unexpected("found an RSA key of more than " + std::to_string(max_rsa_bits) +
                           " bits");
  }
  const BigNumber modulus = big_number(n);
  const BigNumber exponent = e.size() <= max_exponent_octets ? big_number(e) : nullptr;
  if (exponent == nullptr || BN_is_odd(exponent.get()) == 0 || BN_is_one(exponent.get()) != 0) {
    return std::unexpected(
        "found an RSA key with an unsafe public exponent, expected an odd one of 3 or more and at "
        "most 64 bits");
  }
  if (modulus == nullptr || BN_is_odd(modulus.get()) == 0) {
    return std::unexpected("found an RSA key with an even modulus");
  }
  if (auto wrong = wrong_size(BN_num_bits(modulus.get()))) return std::unexpected(*wrong);

  std::shared_ptr<RsaPublicKey> key(new RsaPublicKey());
  key->key_ = public_evp_key(modulus.get(), exponent.get());
  if (key->key_ == nullptr) {
    ERR_clear_error();
    return std::unexpected("OpenSSL does not accept this RSA public key");
  }
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
  for (const char* member : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    if (jwk->contains(member)) {
      return std::unexpected(std::string("the JWK holds the private member ") + member +
                             ", expected a public key");
    }
  }
  const auto n = number_member(*jwk, "n");
  if (!n) return std::unexpected(n.error());
  const auto e = number_member(*jwk, "e");
  if (!e) return std::unexpected(e.error());
  return make(*n, *e);
}

bool RsaPublicKey::verify_rs256(std::string_view signing_input, std::string_view signature) const {
  const DigestContext context(EVP_MD_CTX_new());
  const bool good =
      context != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, sha256_algorithm(), nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(signing_input),
                       signing_input.size()) == 1;
  if (!good) ERR_clear_error();
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
  const DigestContext context(EVP_MD_CTX_new());
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  std::size_t size = signature.size();
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, sha256_algorithm(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     octets(signing_input), signing_input.size()) != 1) {
    ERR_clear_error();
    return {};
  }
  signature.resize(size);
  return signature;
}

}  // namespace grantd::jose
