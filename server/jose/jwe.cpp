#include "server/jose/jwe.h"

#include <openssl/rsa.h>

#include <algorithm>
#include <span>

#include "server/base/text.h"
#include "server/jose/aes.h"
#include "server/jose/base64url.h"
#include "server/jose/ecdh_es.h"
#include "server/jose/jws.h"
#include "server/jose/openssl.h"
#include "server/jose/strict_json.h"

namespace grantd::jose {
namespace {

constexpr std::size_t dots_of_a_jwe = 4;
constexpr std::size_t max_header_depth = 8;

/// RSAES-OAEP with SHA-256 for both its hash and MGF1 (RFC 7518 §4.3).
std::string wrap_rsa_oaep_256(const EncryptionKey& key, const Aes256Key& content_key) {
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.handle(), nullptr));
  std::string encrypted(static_cast<std::size_t>(EVP_PKEY_get_size(key.handle())), '\0');
  std::size_t size = encrypted.size();
  if (context == nullptr || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), sha256_algorithm()) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), sha256_algorithm()) != 1 ||
      EVP_PKEY_encrypt(context.get(), reinterpret_cast<unsigned char*>(encrypted.data()), &size,
                       content_key.octets.data(), content_key.octets.size()) != 1 ||
      size != encrypted.size()) {
    throw_openssl_failure("RSA-OAEP-256");
  }
  return encrypted;
}

/// The `epk` is empty but for ECDH-ES.
AgreedKey wrapped(const EncryptionKey& key, const Aes256Key& content_key) {
  switch (key.algorithm()) {
    case KeyManagement::rsa_oaep_256:
      return {{}, wrap_rsa_oaep_256(key, content_key)};
    case KeyManagement::ecdh_es_a256kw:
      return wrap_ecdh_es(key, content_key);
  }
  std::unreachable();
}

std::string header(const EncryptionKey& key, std::string_view typ, std::string_view epk) {
  std::string out(R"({"alg":")");
  out.append(name(key.algorithm())).append(R"(","enc":")").append(content_encryption);
  out.append(R"(","kid":)");
  append_json_string(out, key.kid());
  out.append(R"(,"cty":"JWT","typ":)");
  append_json_string(out, typ);
  if (!epk.empty()) out.append(R"(,"epk":)").append(epk);
  out += '}';
  return out;
}

/// By find, which takes a register's width at a time: each token that is presented passes here.
std::size_t dots_in(std::string_view text) {
  std::size_t dots = 0;
  for (auto at = text.find('.'); at != std::string_view::npos; at = text.find('.', at + 1)) ++dots;
  return dots;
}

}  // namespace

std::string encrypt_compact(const EncryptionKey& key, std::string_view typ,
                            std::string_view signed_token, Random& random) {
  Aes256Key content_key;
  GcmNonce nonce{};
  random.fill(std::as_writable_bytes(std::span(content_key.octets)));
  random.fill(std::as_writable_bytes(std::span(nonce)));

  const auto [epk, encrypted_key] = wrapped(key, content_key);
  std::string out = base64url(header(key, typ, epk));
  const auto sealed = seal_a256gcm(content_key, nonce, out, signed_token);
  const std::string_view nonce_text(reinterpret_cast<const char*>(nonce.data()), nonce.size());
  for (const std::string_view part :
       {std::string_view(encrypted_key), nonce_text, std::string_view(sealed.ciphertext),
        std::string_view(sealed.tag)}) {
    out += '.';
    append_base64url(out, part);
  }
  return out;
}

bool looks_like_jwe(std::string_view text) {
  if (text.size() > max_compact_bytes || dots_in(text) != dots_of_a_jwe) return false;
  const auto decoded = base64url_decode(text.substr(0, text.find('.')));
  if (!decoded) return false;
  const auto object = parse_object(*decoded, max_header_depth);
  return object && object->contains("enc");
}

}  // namespace grantd::jose
