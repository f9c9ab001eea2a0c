#include "server/keys/multi_buffer_rsa.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/jose/blinded_rsa.h"
#include "server/jose/rsa_key.h"
#include "server/keys/rsa_known_answer.h"
#include "tests/support/software_rsa_batch.h"

namespace grantd::keys {
namespace {

using testing::SoftwareRsaBatch;

std::shared_ptr<const jose::RsaPrivateKey> key_of(unsigned bits) {
  const jose::EvpKey key(EVP_RSA_gen(bits));
  unsigned char* der = nullptr;
  PKCS8_PRIV_KEY_INFO* const info = EVP_PKEY2PKCS8(key.get());
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
  auto read = jose::RsaPrivateKey::from_der(
      std::string_view(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)));
  OPENSSL_clear_free(der, static_cast<std::size_t>(size));
  PKCS8_PRIV_KEY_INFO_free(info);
  return *read;
}

/// Whether batches of one to eight lanes yield OpenSSL's signatures.
void expect_conforming(RsaBatch& backend, const jose::RsaPrivateKey& key) {
  const auto& blinded = *key.blinded();
  ASSERT_TRUE(backend.takes(blinded.bits()));
  for (std::size_t count = 1; count <= RsaBatch::lanes; ++count) {
    const auto work = blinded.lease();
    std::array<RsaBatch::Lane, RsaBatch::lanes> lanes;
    for (std::size_t i = 0; i < count; ++i) {
      work->blind(i, "message " + std::to_string(i));
      lanes.at(i) = {&blinded.crt(), work->input(i), work->output(i)};
    }
    backend.compute(blinded.bits(), std::span(lanes).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(work->finish(i), key.sign_rs256("message " + std::to_string(i)))
          << i << " of " << count << ", " << blinded.bits() << " bits";
    }
  }
}

class MultiBufferRsaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto loaded = MultiBufferRsa::load();
    if (!loaded) GTEST_SKIP() << loaded.error();
    backend = std::move(*loaded);
  }
  std::unique_ptr<MultiBufferRsa> backend;
};

TEST_F(MultiBufferRsaTest, PassesTheKnownAnswerTest) {
  const auto tested = known_answer_test(*backend);
  EXPECT_TRUE(tested) << (tested ? "" : tested.error());
}

TEST_F(MultiBufferRsaTest, MakesOpenSslsSignaturesWithKeysOfThreeSizes) {
  for (const unsigned bits : {2048U, 3072U, 4096U}) expect_conforming(*backend, *key_of(bits));
}

TEST_F(MultiBufferRsaTest, LeavesOtherSizesToOpenSsl) {
  for (const int bits : {1024, 2049, 2560, 8192}) EXPECT_FALSE(backend->takes(bits)) << bits;
}

TEST_F(MultiBufferRsaTest, ComputesOnSeveralThreadsAtOnce) {
  const auto key = key_of(2048);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { expect_conforming(*backend, *key); });
  }
}

TEST(MultiBufferRsa, WhereTheLibraryIsMissingTheErrorSaysWhatToInstall) {
  const auto loaded = MultiBufferRsa::load("libcrypto_mb_that_nobody_has.so");
  ASSERT_FALSE(loaded);
  if (loaded.error().find("without AVX") != std::string::npos) GTEST_SKIP() << loaded.error();
  EXPECT_NE(loaded.error().find("libcrypto_mb_that_nobody_has.so"), std::string::npos);
  EXPECT_NE(loaded.error().find("libcrypto-mb11"), std::string::npos) << loaded.error();
}

TEST(MultiBufferRsa, ALibraryWithoutTheOperationIsNotUsed) {
  const auto loaded = MultiBufferRsa::load("libc.so.6");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().find("lacks"), std::string::npos) << loaded.error();
}

TEST(RsaKnownAnswer, IsPassedByWhatComputesRight) {
  SoftwareRsaBatch software;
  const auto tested = known_answer_test(software);
  EXPECT_TRUE(tested) << (tested ? "" : tested.error());
}

TEST(RsaKnownAnswer, OneWrongLaneFailsIt) {
  for (std::size_t lane = 0; lane < RsaBatch::lanes; ++lane) {
    SoftwareRsaBatch software;
    software.corrupt_lane = lane;
    const auto tested = known_answer_test(software);
    ASSERT_FALSE(tested);
    EXPECT_NE(tested.error().find("are wrong"), std::string::npos) << tested.error();
  }
}

}  // namespace
}  // namespace grantd::keys
