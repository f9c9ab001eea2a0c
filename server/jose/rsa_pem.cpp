/// RSA private keys as PKCS#8 (RFC 5958), bare and as PEM (RFC 7468 §10).
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <utility>

#include "server/jose/base64url.h"
#include "server/jose/openssl.h"
#include "server/jose/rsa_key.h"

namespace grantd::jose {
namespace {

using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free<PKCS8_PRIV_KEY_INFO_free>>;

constexpr std::string_view white_space = " \t\r\n";
constexpr std::string_view begin_line = "-----BEGIN PRIVATE KEY-----";
constexpr std::string_view end_line = "-----END PRIVATE KEY-----";
constexpr std::string_view expected_sentence =
    ", expected one unencrypted RSA key in PKCS#8 (BEGIN PRIVATE KEY)";

std::unexpected<std::string> refuse(std::string_view found) {
  return std::unexpected("found " + std::string(found) + std::string(expected_sentence));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

/// What stands in place of the key, for those who brought the wrong file.
std::unexpected<std::string> refuse_label(std::string_view text) {
  struct Known {
    std::string_view begin;
    std::string_view found;
  };
  static constexpr Known known[] = {
      {"-----BEGIN ENCRYPTED PRIVATE KEY-----", "an encrypted key"},
      {"-----BEGIN RSA PRIVATE KEY-----", "a PKCS#1 key"},
      {"-----BEGIN EC PRIVATE KEY-----", "an elliptic curve key"},
      {"-----BEGIN PUBLIC KEY-----", "a public key"},
      {"-----BEGIN RSA PUBLIC KEY-----", "a public key"},
      {"-----BEGIN CERTIFICATE-----", "a certificate"},
      {"-----BEGIN OPENSSH PRIVATE KEY-----", "an OpenSSH key"},
  };
  for (const auto& [begin, found] : known) {
    if (text.starts_with(begin)) return refuse(found);
  }
  return refuse(text.empty() ? "an empty file" : "no private key");
}

/// The DER inside the one PEM block. Decoded here and not by OpenSSL, which passes over what it
/// does not know and would ask a terminal for a passphrase.
std::expected<SecretString, std::string> pem_content(std::string_view pem) {
  if (pem.size() > max_pem_bytes) {
    return refuse("more than " + std::to_string(max_pem_bytes) + " bytes");
  }
  std::string_view text = trimmed(pem);
  if (!text.starts_with(begin_line)) return refuse_label(text);
  text.remove_prefix(begin_line.size());
  const std::size_t end = text.find(end_line);
  if (end == std::string_view::npos) return refuse("a key without its end line");
  if (!text.substr(end + end_line.size()).empty()) return refuse("something behind the key");

  std::string base64;
  base64.reserve(end);  // once: what a growing string leaves behind is not cleansed
  std::ranges::copy_if(text.substr(0, end), std::back_inserter(base64),
                       [](char c) { return !white_space.contains(c); });
  auto der = base64_decode(base64);
  cleanse(base64);
  if (!der) return refuse("a key that is no base64, or encrypted");
  return SecretString(std::move(*der));
}

bool is_consistent(EVP_PKEY* key) {
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return context != nullptr && EVP_PKEY_check(context.get()) == 1;
}

}  // namespace

std::expected<std::shared_ptr<const RsaPrivateKey>, std::string> RsaPrivateKey::from_pem(
    std::string_view pem) {
  const auto der = pem_content(pem);
  if (!der) return std::unexpected(der.error());
  return from_der(der->view());
}

std::expected<std::shared_ptr<const RsaPrivateKey>, std::string> RsaPrivateKey::from_der(
    std::string_view der) {
  if (der.size() > max_pem_bytes) {
    return refuse("more than " + std::to_string(max_pem_bytes) + " bytes");
  }
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  EvpKey key(info == nullptr || at != end ? nullptr : EVP_PKCS82PKEY(info.get()));
  ERR_clear_error();
  if (key == nullptr) return refuse("a malformed key");
  // RSA-PSS keys are another type, which may not sign RS256.
  if (EVP_PKEY_is_a(key.get(), "RSA") != 1) return refuse("a key of another algorithm");

  EVP_PKEY* const raw = key.get();
  auto adopted = adopt(std::move(key));
  // The size was looked at first: the check below takes long for a very large key.
  if (adopted && !is_consistent(raw)) {
    ERR_clear_error();
    return refuse("a key whose parts do not belong together");
  }
  return adopted;
}

SecretString RsaPrivateKey::to_pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0,
                                                      nullptr, nullptr) != 1) {
    throw_openssl_failure("writing a key as PEM");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return SecretString(std::string_view(data, static_cast<std::size_t>(size)));
}

SecretString RsaPrivateKey::to_der() const {
  const Pkcs8 info(EVP_PKEY2PKCS8(key_.get()));
  const int size = info == nullptr ? 0 : i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr);
  if (size <= 0) throw_openssl_failure("writing a key as DER");
  std::string der(static_cast<std::size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  if (i2d_PKCS8_PRIV_KEY_INFO(info.get(), &at) != size) {
    cleanse(der);
    throw_openssl_failure("writing a key as DER");
  }
  return SecretString(std::move(der));
}

}  // namespace grantd::jose
