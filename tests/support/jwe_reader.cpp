#include "tests/support/jwe_reader.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <stdexcept>
#include <vector>

#include "server/jose/base64url.h"

namespace grantd::testing {
namespace {

using nlohmann::json;

void must(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("no readable JWE: ") + what);
}

unsigned char* octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* octets(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string number(EVP_PKEY* key, const char* name, std::size_t padded_to = 0) {
  BIGNUM* value = nullptr;
  must(EVP_PKEY_get_bn_param(key, name, &value) == 1, name);
  const auto size = std::max(padded_to, static_cast<std::size_t>(BN_num_bytes(value)));
  std::string out(size, '\0');
  BN_bn2binpad(value, octets(out), static_cast<int>(size));
  BN_free(value);
  return out;
}

std::string big_endian(std::size_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U),
          static_cast<char>(value >> 8U), static_cast<char>(value)};
}

jose::EvpKey ec_public(const json& jwk) {
  auto group = jwk.at("crv").get<std::string>();
  auto point = "\x04" + jose::base64url_decode(jwk.at("x").get<std::string>()).value() +
               jose::base64url_decode(jwk.at("y").get<std::string>()).value();
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  auto* context = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context);
  EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
  EVP_PKEY_CTX_free(context);
  must(key != nullptr, "epk");
  return jose::EvpKey(key);
}

std::string unwrap(const std::string& key, const std::string& wrapped) {
  must(key.size() == 32 && wrapped.size() == 40, "sizes of A256KW");
  std::string out(wrapped.size(), '\0');
  auto* context = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  int written = 0;
  const bool good =
      EVP_DecryptInit_ex(context, EVP_aes_256_wrap(), nullptr, octets(key), nullptr) == 1 &&
      EVP_DecryptUpdate(context, octets(out), &written, octets(wrapped),
                        static_cast<int>(wrapped.size())) == 1;
  EVP_CIPHER_CTX_free(context);
  must(good && written == 32, "A256KW");
  out.resize(32);
  return out;
}

std::string open_gcm(const std::string& key, const std::vector<std::string>& parts,
                     const std::string& associated_data) {
  const auto& nonce = parts.at(2);
  auto tag = parts.at(4);
  must(key.size() == 32 && nonce.size() == 12 && tag.size() == 16, "sizes of A256GCM");
  std::string out(parts.at(3).size(), '\0');
  auto* context = EVP_CIPHER_CTX_new();
  int written = 0;
  EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nullptr, octets(key), octets(nonce));
  EVP_DecryptUpdate(context, nullptr, &written, octets(associated_data),
                    static_cast<int>(associated_data.size()));
  EVP_DecryptUpdate(context, octets(out), &written, octets(parts.at(3)),
                    static_cast<int>(out.size()));
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, 16, tag.data());
  const bool good = EVP_DecryptFinal_ex(context, octets(out) + written, &written) == 1;
  EVP_CIPHER_CTX_free(context);
  must(good, "the tag");
  return out;
}

}  // namespace

JweReader JweReader::rsa(const std::string& kid, unsigned bits) {
  JweReader reader;
  reader.key_.reset(EVP_RSA_gen(bits));
  reader.jwk_ = {{"kty", "RSA"},
                 {"use", "enc"},
                 {"alg", "RSA-OAEP-256"},
                 {"kid", kid},
                 {"n", jose::base64url(number(reader.key_.get(), OSSL_PKEY_PARAM_RSA_N))},
                 {"e", jose::base64url(number(reader.key_.get(), OSSL_PKEY_PARAM_RSA_E))}};
  return reader;
}

JweReader JweReader::ec(const std::string& kid, const std::string& curve) {
  JweReader reader;
  reader.key_.reset(EVP_EC_gen(curve.c_str()));
  const auto size = (static_cast<std::size_t>(EVP_PKEY_get_bits(reader.key_.get())) + 7) / 8;
  reader.jwk_ = {{"kty", "EC"},
                 {"use", "enc"},
                 {"alg", "ECDH-ES+A256KW"},
                 {"kid", kid},
                 {"crv", curve},
                 {"x", jose::base64url(number(reader.key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, size))},
                 {"y", jose::base64url(number(reader.key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, size))}};
  return reader;
}

std::string JweReader::jwks(std::initializer_list<json> more) const {
  auto keys = json::array({jwk_});
  for (const auto& key : more) keys.push_back(key);
  return json{{"keys", keys}}.dump();
}

JweReader::Opened JweReader::open(const std::string& jwe) const {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= jwe.size();) {
    const auto end = std::min(jwe.find('.', begin), jwe.size());
    parts.push_back(jose::base64url_decode(jwe.substr(begin, end - begin)).value());
    begin = end + 1;
  }
  must(parts.size() == 5, "five parts");
  Opened opened;
  opened.header = json::parse(parts[0]);
  must(opened.header.at("enc") == "A256GCM", "enc");
  opened.content =
      open_gcm(content_key(opened.header, parts[1]), parts, jwe.substr(0, jwe.find('.')));
  return opened;
}

std::string JweReader::content_key(const json& header, const std::string& encrypted) const {
  must(header.at("alg") == jwk_.at("alg") && header.at("kid") == jwk_.at("kid"), "alg and kid");
  if (jwk_.at("kty") == "EC") return unwrap(agreed_key(header), encrypted);
  auto* context = EVP_PKEY_CTX_new(key_.get(), nullptr);
  std::string out(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  auto size = out.size();
  EVP_PKEY_decrypt_init(context);
  EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING);
  EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256());
  const bool good =
      EVP_PKEY_decrypt(context, octets(out), &size, octets(encrypted), encrypted.size()) == 1;
  EVP_PKEY_CTX_free(context);
  must(good, "RSA-OAEP-256");
  out.resize(size);
  return out;
}

std::string JweReader::agreed_key(const json& header) const {
  const auto peer = ec_public(header.at("epk"));
  auto* context = EVP_PKEY_CTX_new(key_.get(), nullptr);
  std::size_t size = 0;
  EVP_PKEY_derive_init(context);
  EVP_PKEY_derive_set_peer(context, peer.get());
  EVP_PKEY_derive(context, nullptr, &size);
  std::string shared(size, '\0');
  const bool good = EVP_PKEY_derive(context, octets(shared), &size) == 1;
  EVP_PKEY_CTX_free(context);
  must(good, "ECDH");
  // RFC 7518 §4.6.2; one round of SHA-256 gives the 256 bits.
  const auto alg = header.at("alg").get<std::string>();
  const auto input = big_endian(1) + shared + big_endian(alg.size()) + alg + big_endian(0) +
                     big_endian(0) + big_endian(256);
  std::string key(SHA256_DIGEST_LENGTH, '\0');
  SHA256(octets(input), input.size(), octets(key));
  return key;
}

}  // namespace grantd::testing
