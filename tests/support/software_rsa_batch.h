/// The RSA private-key operation by CRT on OpenSSL's numbers, in place of a library that not every
/// machine has; also what errs on purpose. Thread-safe where what is set is set before.
#pragma once

#include <openssl/bn.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>

#include "server/keys/rsa_batch.h"

namespace grantd::testing {

class SoftwareRsaBatch final : public keys::RsaBatch {
 public:
  /// The lane whose result gets one octet wrong.
  std::optional<std::size_t> corrupt_lane{};
  bool takes_keys{true};
  bool throws{false};
  std::atomic<int> batches{0};
  std::atomic<bool> mixed_keys{false};

  [[nodiscard]] bool takes(int) const override { return takes_keys; }

  void compute(int bits, std::span<const Lane> batch) override {
    ++batches;
    if (throws) throw std::runtime_error("broken machinery");
    std::set<const jose::CrtWords*> keys;
    for (const Lane& lane : batch) {
      keys.insert(lane.key);
      raise(bits, lane);
    }
    if (keys.size() > 1) mixed_keys = true;
    if (corrupt_lane && *corrupt_lane < batch.size()) batch[*corrupt_lane].output[100] ^= 0x10;
  }

 private:
  struct Free {
    void operator()(BIGNUM* number) const noexcept { BN_clear_free(number); }
    void operator()(BN_CTX* context) const noexcept { BN_CTX_free(context); }
  };
  using Number = std::unique_ptr<BIGNUM, Free>;

  static Number number(const std::uint64_t* words, int octets) {
    return Number(BN_lebin2bn(reinterpret_cast<const unsigned char*>(words), octets, nullptr));
  }

  static void raise(int bits, const Lane& lane) {
    const std::unique_ptr<BN_CTX, Free> context(BN_CTX_new());
    const int octets = bits / 8;
    const Number p = number(lane.key->p, octets / 2);
    const Number q = number(lane.key->q, octets / 2);
    const Number dp = number(lane.key->dp, octets / 2);
    const Number dq = number(lane.key->dq, octets / 2);
    const Number q_inverse = number(lane.key->q_inverse, octets / 2);
    const Number x(BN_bin2bn(lane.input, octets, nullptr));
    const Number by_p(BN_new());
    const Number by_q(BN_new());
    BN_mod_exp(by_p.get(), x.get(), dp.get(), p.get(), context.get());
    BN_mod_exp(by_q.get(), x.get(), dq.get(), q.get(), context.get());
    BN_mod_sub(by_p.get(), by_p.get(), by_q.get(), p.get(), context.get());
    BN_mod_mul(by_p.get(), by_p.get(), q_inverse.get(), p.get(), context.get());
    BN_mul(by_p.get(), by_p.get(), q.get(), context.get());
    BN_add(by_q.get(), by_q.get(), by_p.get());
    BN_bn2binpad(by_q.get(), lane.output, octets);
  }
};

}  // namespace grantd::testing
