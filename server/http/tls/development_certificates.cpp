#include "server/http/tls/development_certificates.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "server/http/tls/openssl.h"

namespace grantd::http::tls {
namespace {

using std::chrono::days;
using std::chrono::hours;

constexpr days lifetime{365};
constexpr hours backdated{1};  // clients whose clock is behind
constexpr days renewed_before_end{7};
constexpr std::size_t serial_bytes = 16;

struct Extension {
  int nid;
  const char* value;
};

void check(bool ok) {
  if (!ok) throw std::runtime_error(take_openssl_error());
}

KeyPtr make_key() {
  KeyPtr key(EVP_EC_gen("P-256"));
  check(key != nullptr);
  return key;
}

void set_serial(X509* certificate) {
  std::array<unsigned char, serial_bytes> bytes{};
  check(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7fU) | 0x40U);  // positive, of full length
  const std::unique_ptr<BIGNUM, FreeWith<BN_free>> number(
      BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  check(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

void set_name(X509_NAME* name, std::string_view common_name) {
  check(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.data()),
                                   static_cast<int>(common_name.size()), -1, 0) == 1);
}

void set_validity(X509* certificate, sys_seconds now) {
  const auto from = std::chrono::system_clock::to_time_t(now - backdated);
  const auto until = std::chrono::system_clock::to_time_t(now - backdated + lifetime);
  check(ASN1_TIME_set(X509_getm_notBefore(certificate), from) != nullptr &&
        ASN1_TIME_set(X509_getm_notAfter(certificate), until) != nullptr);
}

void add_extension(X509* certificate, X509* issuer, const Extension& extension) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>> made(
      X509V3_EXT_conf_nid(nullptr, &context, extension.nid, extension.value));
  check(made && X509_add_ext(certificate, made.get(), -1) == 1);
}

/// `issuer`: null for a certificate that signs itself.
template <std::size_t N>
CertificatePtr make_certificate(std::string_view common_name, EVP_PKEY* key, X509* issuer,
                                EVP_PKEY* issuer_key, sys_seconds now,
                                const std::array<Extension, N>& extensions) {
  CertificatePtr made(X509_new());
  X509* certificate = made.get();
  check(certificate != nullptr && X509_set_version(certificate, X509_VERSION_3) == 1);
  set_serial(certificate);
  set_validity(certificate, now);
  set_name(X509_get_subject_name(certificate), common_name);
  X509* signer = issuer == nullptr ? certificate : issuer;
  check(X509_set_issuer_name(certificate, X509_get_subject_name(signer)) == 1 &&
        X509_set_pubkey(certificate, key) == 1);
  for (const Extension& extension : extensions) add_extension(certificate, signer, extension);
  check(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
  return made;
}

BioPtr new_bio() {
  BioPtr bio(BIO_new(BIO_s_mem()));
  check(bio != nullptr);
  return bio;
}

std::string_view content(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(bytes)};
}

std::string pem(X509* certificate) {
  const BioPtr bio = new_bio();
  check(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return std::string(content(bio.get()));
}

/// OpenSSL cleanses the memory BIO when it goes.
SecretString pem(EVP_PKEY* key) {
  const BioPtr bio = new_bio();
  check(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return SecretString(content(bio.get()));
}

DevelopmentCertificates make(sys_seconds now) {
  const KeyPtr ca_key = make_key();
  const CertificatePtr ca =
      make_certificate("grantd development CA", ca_key.get(), nullptr, ca_key.get(), now,
                       std::array{Extension{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                  Extension{NID_key_usage, "critical,keyCertSign,cRLSign"},
                                  Extension{NID_subject_key_identifier, "hash"}});
  const KeyPtr key = make_key();
  const CertificatePtr leaf = make_certificate(
      "localhost", key.get(), ca.get(), ca_key.get(), now,
      std::array{Extension{NID_basic_constraints, "critical,CA:FALSE"},
                 Extension{NID_key_usage, "critical,digitalSignature"},
                 Extension{NID_ext_key_usage, "serverAuth"},
                 Extension{NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1"},
                 Extension{NID_subject_key_identifier, "hash"},
                 Extension{NID_authority_key_identifier, "keyid"}});
  return {pem(ca.get()), pem(leaf.get()), pem(key.get())};
}

}  // namespace

std::expected<DevelopmentCertificates, std::string> make_development_certificates(sys_seconds now) {
  ERR_clear_error();
  try {
    return make(now);
  } catch (const std::runtime_error& error) {
    return std::unexpected(std::string("cannot make a development certificate: ") + error.what());
  }
}

bool still_valid(const std::string& certificate_pem, sys_seconds now) {
  ERR_clear_error();
  const BioPtr bio(
      BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
  const CertificatePtr certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)
                                       : nullptr);
  ERR_clear_error();
  if (!certificate) return false;
  auto from = std::chrono::system_clock::to_time_t(now);
  auto until = std::chrono::system_clock::to_time_t(now + renewed_before_end);
  return X509_cmp_time(X509_get0_notBefore(certificate.get()), &from) < 0 &&
         X509_cmp_time(X509_get0_notAfter(certificate.get()), &until) > 0;
}

}  // namespace grantd::http::tls
