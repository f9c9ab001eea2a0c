#include "server/jose/public_jwk.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <optional>
#include <utility>

#include "server/jose/base64url.h"
#include "server/jose/openssl.h"
#include "server/jose/strict_json.h"

namespace grantd::jose {
namespace {

constexpr std::size_t max_exponent_octets = 8;

BigNumber big_number(const std::string& big_endian) {
  return BigNumber(BN_bin2bn(reinterpret_cast<const unsigned char*>(big_endian.data()),
                             static_cast<int>(big_endian.size()), nullptr));
}

std::optional<std::string> wrong_size(int bits) {
  if (bits >= min_rsa_bits && bits <= max_rsa_bits) return std::nullopt;
  return "found an RSA key of " + std::to_string(bits) + " bits, expected " +
         std::to_string(min_rsa_bits) + " to " + std::to_string(max_rsa_bits);
}

/// A member that is a positive number in as few octets as can be (RFC 7518 §2).
std::expected<std::string, std::string> number_member(const nlohmann::json& jwk,
                                                      const char* member) {
  auto number = octets_member(jwk, member);
  if (number && number->front() == '\0') {
    return std::unexpected(std::string("the JWK's member ") + member +
                           " begins with a zero octet, expected none");
  }
  return number;
}

EvpKey made_of(const BIGNUM* n, const BIGNUM* e) {
  const ParamBuild build(OSSL_PARAM_BLD_new());
  if (build == nullptr || OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
      OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e) != 1) {
    return nullptr;
  }
  const Params params(OSSL_PARAM_BLD_to_param(build.get()));
  return params == nullptr ? nullptr : public_evp_key("RSA", params.get());
}

}  // namespace

EvpKey public_evp_key(const char* type, OSSL_PARAM* params) {
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
    return nullptr;
  }
  return EvpKey(key);
}

std::expected<void, std::string> refuse_private_members(const nlohmann::json& jwk) {
  for (const char* member : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    if (jwk.contains(member)) {
      return std::unexpected(std::string("the JWK holds the private member ") + member +
                             ", expected a public key");
    }
  }
  return {};
}

std::expected<std::string, std::string> octets_member(const nlohmann::json& jwk,
                                                      const char* member) {
  const std::string* text = find_string(jwk, member);
  auto octets = text == nullptr ? std::nullopt : base64url_decode(*text);
  if (!octets || octets->empty()) {
    return std::unexpected(std::string("the JWK's member ") + member +
                           " is missing or malformed, expected base64url");
  }
  return std::move(*octets);
}

std::expected<RsaNumbers, std::string> rsa_numbers(const nlohmann::json& jwk) {
  auto n = number_member(jwk, "n");
  if (!n) return std::unexpected(n.error());
  auto e = number_member(jwk, "e");
  if (!e) return std::unexpected(e.error());
  return RsaNumbers{std::move(*n), std::move(*e)};
}

std::expected<EvpKey, std::string> rsa_evp_key(const std::string& n, const std::string& e) {
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

  auto key = made_of(modulus.get(), exponent.get());
  if (key == nullptr) {
    ERR_clear_error();
    return std::unexpected("OpenSSL does not accept this RSA public key");
  }
  return key;
}

}  // namespace grantd::jose
