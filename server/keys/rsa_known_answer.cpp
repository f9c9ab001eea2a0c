#include "server/keys/rsa_known_answer.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <memory>
#include <vector>

#include "server/jose/base64url.h"
#include "server/jose/rsa_key.h"

namespace grantd::keys {
namespace {

/// The key of RFC 7515 §A.2, as PKCS#8. Everybody has it; it signs nothing but this.
constexpr std::string_view example_key =
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh-BYK4uPJtGXOjS1lYmM2K5J9vinh8CR3_BYl"
    "zJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxLaYk8wTM_U-3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8T"
    "A5a8bpvfbr3SvaNnjuygxmj3AbONv_s4yDQs4v5tJ_reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5ROjtZMEQ"
    "xrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkftoaHLFcW9Qr4NY2ai50Xw0Byj3-H2JoY"
    "2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHgVFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZ"
    "D50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn"
    "2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZH"
    "HzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB"
    "4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0KpLttoLhyt3SmqdEf_kgHePDd"
    "tzEafpAu-cS191R2JiuoF2yzWXnwFDcqGigp5BNr0AHQfD8_Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDn"
    "Ed3BbVWG8qf6deqElMGAg-C2V0L4oNXnP7LZcPAZRwKBgQC5A8R-CZW2MvRTLLHzwZkUXV866cff7tx6kqa0finG"
    "G0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAPrq3rbAOal78eUH5OcED6eNuCV8ixEu1e"
    "WcPNCS_l1OW1EnXUEoEHKl54Xrrz2uNwkgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7"
    "_Ls5bkUp5u9SN0Ai3Ya6hNnvWJMb7sXQX6U_zyO2M_hTip7tUeh7CXgwo59dkpN75gJLVds29-DAncu3KXU4f2Fa"
    "-7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf_evpitUf-4JYbLpvNXWcY052Mpz22aR84mY3nh3F2"
    "LF2mjMJDpTg7FmuyPcVw6EcGyoAe9fa65iNqCq-jdw6PVNGo2hxfjSiZ8IIzHdsPXI89__pMjZcQK9r-CCoRjaZj"
    "OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVu"
    "uM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9Sb"
    "sxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U";
constexpr std::string_view example_input =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr std::string_view example_signature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W"
    "2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkS"
    "jtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnv"
    "Wh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

struct FreeDigestContext {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

std::string decoded(std::string_view text) {
  return jose::base64url_decode(text).value_or(std::string());
}

jose::EvpKey example() {
  const std::string der = decoded(example_key);
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  return jose::EvpKey(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
}

/// Empty where OpenSSL failed.
std::string signature_by_openssl(EVP_PKEY& key, std::string_view message) {
  const std::unique_ptr<EVP_MD_CTX, FreeDigestContext> context(EVP_MD_CTX_new());
  const auto* const octets = reinterpret_cast<const unsigned char*>(message.data());
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(&key)), '\0');
  std::size_t size = signature.size();
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, &key) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     octets, message.size()) != 1) {
    return {};
  }
  signature.resize(size);
  return signature;
}

/// How many of the signatures are not what they should be, where each message gets a lane.
std::size_t wrong_lanes(RsaBatch& backend, const jose::BlindedRsa& key,
                        const std::vector<std::string>& messages,
                        const std::vector<std::string>& expected) {
  const auto work = key.lease();
  std::array<RsaBatch::Lane, RsaBatch::lanes> lanes;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    work->blind(i, messages[i]);
    lanes.at(i) = {&key.crt(), work->input(i), work->output(i)};
  }
  backend.compute(key.bits(), std::span(lanes).first(messages.size()));
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (work->finish(i) != expected[i] || expected[i].empty()) ++wrong;
  }
  return wrong;
}

}  // namespace

std::expected<void, std::string> known_answer_test(RsaBatch& backend) {
  const auto key = example();
  const auto blinded = key == nullptr ? nullptr : jose::BlindedRsa::make(*key);
  ERR_clear_error();
  if (blinded == nullptr) return std::unexpected("OpenSSL does not read the example's key");

  std::size_t wrong = 0;
  const std::string known = decoded(example_signature);
  for (const std::size_t count : {RsaBatch::lanes, RsaBatch::worth_a_batch}) {
    const std::vector<std::string> messages(count, std::string(example_input));
    wrong += wrong_lanes(backend, *blinded, messages, std::vector<std::string>(count, known));
  }
  std::vector<std::string> messages;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < RsaBatch::lanes; ++i) {
    messages.push_back("lane " + std::to_string(i));
    expected.push_back(signature_by_openssl(*key, messages.back()));
  }
  wrong += wrong_lanes(backend, *blinded, messages, expected);
  ERR_clear_error();
  if (wrong == 0) return {};
  return std::unexpected("of the " + std::to_string(2 * RsaBatch::lanes + RsaBatch::worth_a_batch) +
                         " signatures of the known-answer test " + std::to_string(wrong) +
                         " are wrong");
}

}  // namespace grantd::keys
