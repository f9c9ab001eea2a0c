/// RS256 (RFC 8017 §8.2.1) for a signer that has x^d mod n computed elsewhere: a message is encoded
/// and blinded here, and what comes back is unblinded and proven with the public key before anybody
/// sees it. One faulty result of a computation by CRT would otherwise reveal the key.
///
/// A BlindedRsa may be used by many threads at once; a Work belongs to one at a time.
#pragma once

#include <openssl/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace grantd::jose {

/// The private numbers of RFC 8017 §3.2, each of bits / 2 bits in words of 64, the least first.
struct CrtWords {
  const std::uint64_t* p{nullptr};
  const std::uint64_t* q{nullptr};
  const std::uint64_t* dp{nullptr};
  const std::uint64_t* dq{nullptr};
  const std::uint64_t* q_inverse{nullptr};
};

class BlindedRsa {
 public:
  /// Messages on their way at once in one Work.
  static constexpr std::size_t lanes = 8;
  /// Messages after which a blinding pair is drawn anew. In between it is squared for each, which
  /// is what OpenSSL does, too; drawing costs as much as 80 such steps.
  static constexpr unsigned uses_of_a_pair = 256;

  class Work;
  /// Gives the Work back to its key, for whoever is next.
  class Return {
   public:
    explicit Return(const BlindedRsa* owner = nullptr) : owner_(owner) {}
    void operator()(Work* work) const noexcept;

   private:
    const BlindedRsa* owner_;
  };
  using Lease = std::unique_ptr<Work, Return>;

  /// Null for a key that is not of two primes of the same length, with e = 65537. `key` may go.
  [[nodiscard]] static std::shared_ptr<const BlindedRsa> make(const EVP_PKEY& key);

  BlindedRsa(const BlindedRsa&) = delete;
  BlindedRsa& operator=(const BlindedRsa&) = delete;
  ~BlindedRsa();

  [[nodiscard]] int bits() const;
  /// Of the modulus, and so of a message encoded, and of a signature.
  [[nodiscard]] std::size_t octets() const;
  [[nodiscard]] const CrtWords& crt() const { return crt_; }
  /// Must not outlive this. As many are kept as were ever out at once: one for each thread that
  /// signs. Throws where OpenSSL fails.
  [[nodiscard]] Lease lease() const;

 private:
  class Numbers;
  explicit BlindedRsa(std::unique_ptr<Numbers> numbers);

  std::unique_ptr<Numbers> numbers_;
  CrtWords crt_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Work>> idle_;
};

/// Eight lanes with their blinding. All is cleansed when the key goes.
class BlindedRsa::Work {
 public:
  explicit Work(const Numbers& numbers);
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work();

  /// EMSA-PKCS1-v1_5 with SHA-256, times a blinding factor that no other message gets. Throws where
  /// OpenSSL fails.
  void blind(std::size_t lane, std::string_view message);
  /// What is to be raised to d: big-endian, octets() long, below n.
  [[nodiscard]] const std::uint8_t* input(std::size_t lane) const;
  /// Where the result is to be put, in the same form.
  [[nodiscard]] std::uint8_t* output(std::size_t lane);
  /// The signature of the message that was blinded, raw octets; empty where what was put there
  /// does not yield it.
  [[nodiscard]] std::string finish(std::size_t lane);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace grantd::jose
