#include "server/jose/blinded_rsa.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "server/jose/rsa_key.h"
#include "tests/support/software_rsa_batch.h"
#include "tests/support/test_keys.h"

namespace grantd::jose {
namespace {

using testing::SoftwareRsaBatch;
using testing::test_key;

void raise(const BlindedRsa& key, BlindedRsa::Work& work, std::size_t lane) {
  SoftwareRsaBatch software;
  const keys::RsaBatch::Lane one{&key.crt(), work.input(lane), work.output(lane)};
  software.compute(key.bits(), std::span(&one, 1));
}

EvpKey key_with(unsigned bits, BN_ULONG exponent, unsigned primes) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
  BIGNUM* e = BN_new();
  BN_set_word(e, exponent);
  EVP_PKEY_keygen_init(context);
  EVP_PKEY_CTX_set_rsa_keygen_bits(context, static_cast<int>(bits));
  EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e);
  EVP_PKEY_CTX_set_rsa_keygen_primes(context, static_cast<int>(primes));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_generate(context, &key);
  EVP_PKEY_CTX_free(context);
  BN_free(e);
  return EvpKey(key);
}

TEST(BlindedRsa, YieldsTheSignatureThatOpenSslMakes) {
  const auto& key = *test_key(0);
  const BlindedRsa& blinded = *key.blinded();
  EXPECT_EQ(blinded.bits(), 2048);
  EXPECT_EQ(blinded.octets(), 256U);
  const auto work = blinded.lease();
  for (const std::size_t lane : {0U, 5U, 7U}) {
    const std::string message = "message " + std::to_string(lane);
    work->blind(lane, message);
    raise(blinded, *work, lane);
    EXPECT_EQ(work->finish(lane), key.sign_rs256(message));
  }
}

TEST(BlindedRsa, GoesOnWhereItsPairIsDrawnAnew) {
  const auto& key = *test_key(0);
  const auto work = key.blinded()->lease();
  const auto expected = key.sign_rs256("again");
  for (unsigned use = 0; use < 2 * BlindedRsa::uses_of_a_pair + 2; ++use) {
    work->blind(1, "again");
    raise(*key.blinded(), *work, 1);
    ASSERT_EQ(work->finish(1), expected) << use;
  }
}

TEST(BlindedRsa, BlindsNoTwoMessagesAlike) {
  const auto& blinded = *test_key(0)->blinded();
  const auto one = blinded.lease();
  const auto other = blinded.lease();
  std::set<std::string> inputs;
  for (auto* const work : {one.get(), other.get()}) {
    for (unsigned round = 0; round < 50; ++round) {
      for (std::size_t lane = 0; lane < BlindedRsa::lanes; ++lane) {
        work->blind(lane, "the same message");
        inputs.emplace(reinterpret_cast<const char*>(work->input(lane)), blinded.octets());
      }
    }
  }
  EXPECT_EQ(inputs.size(), 2 * 50 * BlindedRsa::lanes);
}

TEST(BlindedRsa, OneWrongOctetAnywhereYieldsNothing) {
  const auto& blinded = *test_key(0)->blinded();
  const auto work = blinded.lease();
  work->blind(0, "message");
  raise(blinded, *work, 0);
  for (std::size_t at = 0; at < blinded.octets(); at += 15) {
    work->output(0)[at] ^= 0x01;
    EXPECT_EQ(work->finish(0), "") << at;
    work->output(0)[at] ^= 0x01;
  }
  EXPECT_NE(work->finish(0), "") << "put right again";
}

TEST(BlindedRsa, AFaultInOneHalfOfTheCrtYieldsNothing) {
  // The fault that reveals a factor of the modulus (Boneh, DeMillo, Lipton).
  const auto& key = *test_key(0);
  const BlindedRsa& blinded = *key.blinded();
  const auto work = blinded.lease();
  work->blind(0, "message");
  CrtWords wrong = blinded.crt();
  wrong.dp = wrong.dq;
  SoftwareRsaBatch software;
  const keys::RsaBatch::Lane lane{&wrong, work->input(0), work->output(0)};
  software.compute(blinded.bits(), std::span(&lane, 1));
  EXPECT_EQ(work->finish(0), "");
}

TEST(BlindedRsa, WhatIsNotBelowTheModulusYieldsNothing) {
  const auto& blinded = *test_key(0)->blinded();
  const auto work = blinded.lease();
  work->blind(0, "message");
  std::fill_n(work->output(0), blinded.octets(), std::uint8_t{0xff});
  EXPECT_EQ(work->finish(0), "");
  std::fill_n(work->output(0), blinded.octets(), std::uint8_t{0});
  EXPECT_EQ(work->finish(0), "");
}

TEST(BlindedRsa, TakesNoKeyWithAnotherExponentNorOneOfThreePrimes) {
  EXPECT_EQ(BlindedRsa::make(*key_with(2048, 3, 2)), nullptr);
  EXPECT_EQ(BlindedRsa::make(*key_with(2048, 65537, 3)), nullptr);
  EXPECT_NE(BlindedRsa::make(*key_with(2048, 65537, 2)), nullptr);
}

}  // namespace
}  // namespace grantd::jose
