#include "server/jose/ecdh_es.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>

#include <array>

#include "server/base/secret.h"
#include "server/jose/base64url.h"
#include "server/jose/openssl.h"

namespace grantd::jose {
namespace {

constexpr unsigned bits_per_octet = 8;

struct FreeOctets {
  void operator()(unsigned char* octets) const noexcept { OPENSSL_free(octets); }
};

/// RFC 7518 §4.6.2: 32 bits, big-endian.
void append_number(std::string& out, std::size_t number) {
  for (unsigned shift = 32; shift > 0; shift -= bits_per_octet) {
    out += static_cast<char>((number >> (shift - bits_per_octet)) & 0xffU);
  }
}

void append_with_length(std::string& out, std::string_view data) {
  append_number(out, data.size());
  out += data;
}

EvpKey ephemeral_key(const Curve& curve) {
  EvpKey key(EVP_EC_gen(std::string(curve.crv).c_str()));
  if (key == nullptr) throw_openssl_failure("an ephemeral EC key");
  return key;
}

std::string public_jwk(const EvpKey& key, const Curve& curve) {
  unsigned char* encoded = nullptr;
  const std::size_t size = EVP_PKEY_get1_encoded_public_key(key.get(), &encoded);
  const std::unique_ptr<unsigned char, FreeOctets> owner(encoded);
  // SEC 1 §2.3.3: 04, then both coordinates in full length.
  if (size != 1 + 2 * curve.coordinate_octets || *encoded != 4) {
    throw_openssl_failure("an ephemeral EC key's point");
  }
  const std::string_view point(reinterpret_cast<const char*>(encoded), size);
  std::string jwk(R"({"kty":"EC","crv":")");
  jwk.append(curve.crv).append(R"(","x":")");
  append_base64url(jwk, point.substr(1, curve.coordinate_octets));
  jwk.append(R"(","y":")");
  append_base64url(jwk, point.substr(1 + curve.coordinate_octets));
  jwk.append("\"}");
  return jwk;
}

SecretString agree(const EvpKey& ephemeral, EVP_PKEY* peer, const Curve& curve) {
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, ephemeral.get(), nullptr));
  std::string shared(curve.coordinate_octets, '\0');
  std::size_t size = shared.size();
  const bool agreed =
      context != nullptr && EVP_PKEY_derive_init(context.get()) == 1 &&
      EVP_PKEY_derive_set_peer(context.get(), peer) == 1 &&
      EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(shared.data()), &size) == 1 &&
      size == shared.size();
  SecretString secret(std::move(shared));
  if (!agreed) throw_openssl_failure("ECDH");
  return secret;
}

}  // namespace

void concat_kdf(std::string_view shared_secret, const KdfInfo& info, std::span<std::uint8_t> out) {
  std::string other_info;
  append_with_length(other_info, info.algorithm);
  append_with_length(other_info, info.party_u);
  append_with_length(other_info, info.party_v);
  append_number(other_info, out.size() * bits_per_octet);

  // SSKDF with a plain hash is the Concat KDF. Fetched once, as sha256_algorithm() is.
  static EVP_KDF* const algorithm = EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_SSKDF, nullptr);
  const KdfContext context(algorithm == nullptr ? nullptr : EVP_KDF_CTX_new(algorithm));
  std::string digest = OSSL_DIGEST_NAME_SHA2_256;
  SecretString secret(shared_secret);
  std::array params{
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      // OSSL_PARAM is not const-correct; the octets are only read.
      OSSL_PARAM_construct_octet_string(
          OSSL_KDF_PARAM_SECRET, const_cast<char*>(secret.view().data()), secret.view().size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, other_info.data(), other_info.size()),
      OSSL_PARAM_construct_end()};
  if (context == nullptr ||
      EVP_KDF_derive(context.get(), out.data(), out.size(), params.data()) != 1) {
    throw_openssl_failure("the Concat KDF");
  }
}

AgreedKey wrap_ecdh_es(const EncryptionKey& key, const Aes256Key& content_key) {
  const Curve& curve = *key.curve();
  const EvpKey ephemeral = ephemeral_key(curve);
  const SecretString shared = agree(ephemeral, key.handle(), curve);
  Aes256Key wrapping_key;
  concat_kdf(shared.view(), {name(key.algorithm()), {}, {}}, wrapping_key.octets);
  return {public_jwk(ephemeral, curve), wrap_a256kw(wrapping_key, content_key)};
}

}  // namespace grantd::jose
