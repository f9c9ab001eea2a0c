#include "server/jose/encryption_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>

#include "server/jose/openssl.h"
#include "server/jose/public_jwk.h"
#include "server/jose/strict_json.h"

namespace grantd::jose {
namespace {

using nlohmann::json;
using KeyResult = std::expected<EvpKey, std::string>;

constexpr std::size_t max_jwks_depth = max_jwk_depth + 2;
constexpr std::array curves{Curve{"P-256", 32}, Curve{"P-384", 48}, Curve{"P-521", 66}};

std::string_view kty_of(KeyManagement alg) {
  switch (alg) {
    case KeyManagement::rsa_oaep_256:
      return "RSA";
    case KeyManagement::ecdh_es_a256kw:
      return "EC";
  }
  std::unreachable();
}

std::string_view text_of(const json& jwk, const char* member) {
  const std::string* text = find_string(jwk, member);
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

const Curve* curve_of(const json& jwk) {
  const auto found = std::ranges::find(curves, text_of(jwk, "crv"), &Curve::crv);
  return found == curves.end() ? nullptr : &*found;
}

/// Why a key is not meant for `alg`, or nothing.
std::optional<std::string> other_purpose(const json& jwk, KeyManagement alg) {
  if (text_of(jwk, "use") != "enc") return R"(the JWK's use is not "enc")";
  if (text_of(jwk, "kty") != kty_of(alg)) {
    return "the JWK's kty is not " + std::string(kty_of(alg));
  }
  if (jwk.contains("alg") && text_of(jwk, "alg") != name(alg)) {
    return "the JWK's alg is not " + std::string(name(alg));
  }
  if (alg == KeyManagement::ecdh_es_a256kw && curve_of(jwk) == nullptr) {
    return "the JWK's crv is none of P-256, P-384 and P-521";
  }
  return std::nullopt;
}

KeyResult rsa_key(const json& jwk) {
  const auto numbers = rsa_numbers(jwk);
  if (!numbers) return std::unexpected(numbers.error());
  return rsa_evp_key(numbers->n, numbers->e);
}

/// OpenSSL refuses a point off the curve; the point at infinity has no coordinates.
KeyResult ec_key(const json& jwk, const Curve& curve) {
  std::string point("\x04");  // SEC 1 §2.3.3, uncompressed
  for (const char* member : {"x", "y"}) {
    const auto coordinate = octets_member(jwk, member);
    if (!coordinate) return std::unexpected(coordinate.error());
    if (coordinate->size() != curve.coordinate_octets) {
      return std::unexpected(std::string("the JWK's member ") + member + " has " +
                             std::to_string(coordinate->size()) + " octets, expected " +
                             std::to_string(curve.coordinate_octets));
    }
    point += *coordinate;
  }
  std::string group(curve.crv);
  std::array params{
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  auto key = public_evp_key("EC", params.data());
  const KeyContext check(key == nullptr ? nullptr
                                        : EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (check == nullptr || EVP_PKEY_public_check(check.get()) != 1) {
    ERR_clear_error();
    return std::unexpected("the JWK's x and y are no point of its curve");
  }
  return key;
}

}  // namespace

std::optional<KeyManagement> key_management_of(std::string_view alg) {
  for (const auto known : {KeyManagement::rsa_oaep_256, KeyManagement::ecdh_es_a256kw}) {
    if (alg == name(known)) return known;
  }
  return std::nullopt;
}

std::expected<std::shared_ptr<const EncryptionKey>, std::string> EncryptionKey::make(
    const json& jwk, KeyManagement alg) {
  const auto kid = text_of(jwk, "kid");
  if (kid.empty() || kid.size() > max_encryption_kid_bytes) {
    return std::unexpected(
        "the JWK has no kid of 1 to 255 octets: by it a reader with several keys finds the one");
  }
  std::shared_ptr<EncryptionKey> made(new EncryptionKey());
  made->curve_ = alg == KeyManagement::ecdh_es_a256kw ? curve_of(jwk) : nullptr;
  auto key = made->curve_ == nullptr ? rsa_key(jwk) : ec_key(jwk, *made->curve_);
  if (!key) return std::unexpected(key.error());
  made->key_ = std::move(*key);
  made->kid_ = kid;
  made->algorithm_ = alg;
  return made;
}

std::expected<std::shared_ptr<const EncryptionKey>, std::string> EncryptionKey::from_jwk(
    std::string_view text, KeyManagement alg) {
  if (text.size() > max_jwks_bytes) return std::unexpected("the JWK is too long");
  const auto jwk = parse_object(text, max_jwk_depth);
  if (!jwk) return std::unexpected("the JWK cannot be read: " + jwk.error());
  if (const auto is_public = refuse_private_members(*jwk); !is_public) {
    return std::unexpected(is_public.error());
  }
  if (auto other = other_purpose(*jwk, alg)) return std::unexpected(std::move(*other));
  return make(*jwk, alg);
}

std::expected<std::shared_ptr<const EncryptionKey>, std::string> EncryptionKey::from_jwks(
    std::string_view text, KeyManagement alg) {
  if (text.size() > max_jwks_bytes) {
    return std::unexpected("found a JWK Set of more than " + std::to_string(max_jwks_bytes) +
                           " bytes");
  }
  const auto set = parse_object(text, max_jwks_depth);
  if (!set) return std::unexpected("the JWK Set cannot be read: " + set.error());
  const auto keys = set->find("keys");
  if (keys == set->end() || !keys->is_array()) {
    return std::unexpected(R"(found no JWK Set, expected an object with the array "keys")");
  }
  const json* meant = nullptr;
  for (const auto& jwk : *keys) {
    if (!jwk.is_object()) return std::unexpected("the JWK Set holds what is no JWK");
    if (const auto is_public = refuse_private_members(jwk); !is_public) {
      return std::unexpected(is_public.error());
    }
    if (meant == nullptr && !other_purpose(jwk, alg)) meant = &jwk;
  }
  if (meant == nullptr) {
    return std::unexpected("found " + std::to_string(keys->size()) +
                           R"( keys, none of them usable, expected one with use "enc", kty )" +
                           std::string(kty_of(alg)) + " and, where it names one, alg " +
                           std::string(name(alg)));
  }
  return make(*meant, alg);
}

}  // namespace grantd::jose
