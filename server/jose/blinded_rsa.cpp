#include "server/jose/blinded_rsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "server/jose/mac.h"
#include "server/jose/openssl.h"

namespace grantd::jose {
namespace {

using SecretNumber = std::unique_ptr<BIGNUM, Free<BN_clear_free>>;
using BnContext = std::unique_ptr<BN_CTX, Free<BN_CTX_free>>;
using Montgomery = std::unique_ptr<BN_MONT_CTX, Free<BN_MONT_CTX_free>>;

constexpr BN_ULONG usual_exponent = 65537;
constexpr int bits_a_word = 64;
constexpr int bits_an_octet = 8;
constexpr std::size_t crt_numbers = 5;

/// DigestInfo of SHA-256 before the digest itself (RFC 8017 §9.2, note 1).
constexpr std::array<std::uint8_t, 19> digest_info{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                                   0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                                   0x01, 0x05, 0x00, 0x04, 0x20};

/// Octets that are overwritten before they are given back.
class SecretOctets {
 public:
  explicit SecretOctets(std::size_t size) : octets_(size) {}
  SecretOctets(const SecretOctets&) = delete;
  SecretOctets& operator=(const SecretOctets&) = delete;
  ~SecretOctets() { OPENSSL_cleanse(octets_.data(), octets_.size()); }
  [[nodiscard]] std::uint8_t* data() { return octets_.data(); }

 private:
  std::vector<std::uint8_t> octets_;
};

SecretNumber number_of(const EVP_PKEY& key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(&key, name, &number);
  return SecretNumber(number);
}

void must(int succeeded, const char* what) {
  if (succeeded != 1) throw_openssl_failure(what);
}

BigNumber new_number() {
  BigNumber number(BN_new());
  if (number == nullptr) throw_openssl_failure("a number");
  return number;
}

/// Everything of the encoded message but the digest at its end.
std::vector<std::uint8_t> padding(std::size_t octets) {
  std::vector<std::uint8_t> encoded(octets, 0xff);
  encoded[0] = 0x00;
  encoded[1] = 0x01;
  const std::size_t digest_at = octets - Sha256().size();
  const std::size_t info_at = digest_at - digest_info.size();
  encoded[info_at - 1] = 0x00;
  std::ranges::copy(digest_info, encoded.begin() + static_cast<std::ptrdiff_t>(info_at));
  return encoded;
}

}  // namespace

/// What is the same for all messages of a key.
class BlindedRsa::Numbers {
 public:
  /// False where the key does not qualify.
  bool read(const EVP_PKEY& key) {
    n = number_of(key, OSSL_PKEY_PARAM_RSA_N);
    e = number_of(key, OSSL_PKEY_PARAM_RSA_E);
    const std::array<SecretNumber, crt_numbers> crt{
        number_of(key, OSSL_PKEY_PARAM_RSA_FACTOR1), number_of(key, OSSL_PKEY_PARAM_RSA_FACTOR2),
        number_of(key, OSSL_PKEY_PARAM_RSA_EXPONENT1),
        number_of(key, OSSL_PKEY_PARAM_RSA_EXPONENT2),
        number_of(key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1)};
    const bool complete = n != nullptr && e != nullptr &&
                          std::ranges::none_of(crt, [](const auto& one) { return one == nullptr; });
    if (!complete || BN_is_word(e.get(), usual_exponent) != 1) return false;
    bits = BN_num_bits(n.get());
    const BnContext context(BN_CTX_new());
    const SecretNumber product(BN_new());
    if (context == nullptr || product == nullptr || bits % (2 * bits_a_word) != 0 ||
        BN_num_bits(crt[0].get()) != bits / 2 || BN_num_bits(crt[1].get()) != bits / 2 ||
        BN_mul(product.get(), crt[0].get(), crt[1].get(), context.get()) != 1 ||
        BN_cmp(product.get(), n.get()) != 0) {
      return false;
    }
    octets = static_cast<std::size_t>(bits / bits_an_octet);
    encoded = padding(octets);
    montgomery.reset(BN_MONT_CTX_new());
    if (montgomery == nullptr || BN_MONT_CTX_set(montgomery.get(), n.get(), context.get()) != 1) {
      return false;
    }
    words_each = static_cast<std::size_t>(bits / 2 / bits_a_word);
    words.resize(crt_numbers * words_each);
    std::uint64_t* at = words.data();
    for (const auto& one : crt) {
      auto* const to = reinterpret_cast<unsigned char*>(std::exchange(at, at + words_each));
      if (BN_bn2lebinpad(one.get(), to, static_cast<int>(octets / 2)) < 0) return false;
    }
    return true;
  }

  Numbers() = default;
  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;
  ~Numbers() { OPENSSL_cleanse(words.data(), words.size() * sizeof(std::uint64_t)); }

  SecretNumber n;
  SecretNumber e;
  Montgomery montgomery;
  int bits{0};
  std::size_t octets{0};
  std::vector<std::uint8_t> encoded;  // but for the digest
  std::size_t words_each{0};
  std::vector<std::uint64_t> words;
};

std::shared_ptr<const BlindedRsa> BlindedRsa::make(const EVP_PKEY& key) {
  auto numbers = std::make_unique<Numbers>();
  const bool qualifies = numbers->read(key);
  ERR_clear_error();
  if (!qualifies) return nullptr;
  return std::shared_ptr<const BlindedRsa>(new BlindedRsa(std::move(numbers)));
}

BlindedRsa::BlindedRsa(std::unique_ptr<Numbers> numbers) : numbers_(std::move(numbers)) {
  const std::uint64_t* at = numbers_->words.data();
  for (auto* const number : {&crt_.p, &crt_.q, &crt_.dp, &crt_.dq, &crt_.q_inverse}) {
    *number = std::exchange(at, at + numbers_->words_each);
  }
}

BlindedRsa::~BlindedRsa() = default;

int BlindedRsa::bits() const { return numbers_->bits; }
std::size_t BlindedRsa::octets() const { return numbers_->octets; }

BlindedRsa::Lease BlindedRsa::lease() const {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Work* const work = idle_.back().release();
      idle_.pop_back();
      return Lease(work, Return(this));
    }
    idle_.reserve(idle_.capacity() + 1);  // so that giving back never allocates
  }
  return Lease(new Work(*numbers_), Return(this));
}

void BlindedRsa::Return::operator()(Work* work) const noexcept {
  const std::lock_guard lock(owner_->mutex_);
  owner_->idle_.emplace_back(work);
}

struct BlindedRsa::Work::State {
  explicit State(const Numbers& of)
      : numbers(of), encoded(of.encoded), blinded(lanes * of.octets), raised(lanes * of.octets) {
    for (std::size_t i = 0; i < lanes; ++i) {
      message[i] = new_number();
      unblinding[i].reset(BN_new());
      if (unblinding[i] == nullptr) throw_openssl_failure("a number");
    }
    if (context == nullptr || number == nullptr || proof == nullptr) {
      throw_openssl_failure("a context for numbers");
    }
    draw();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    // BN_BLINDING_free overwrites nothing. Squared, the pair is one that blinded nothing, and who
    // finds it has to know the primes to go back to the one that did.
    if (pair != nullptr) BN_BLINDING_update(pair, context.get());
    BN_BLINDING_free(pair);
  }

  /// A new pair, written over the one before.
  void draw() {
    ERR_clear_error();
    pair = BN_BLINDING_create_param(pair, numbers.e.get(), numbers.n.get(), context.get(),
                                    BN_mod_exp_mont, numbers.montgomery.get());
    // Where there was a pair, a failure leaves it, and says so here alone.
    if (pair == nullptr || ERR_peek_error() != 0) throw_openssl_failure("drawing a blinding pair");
    BN_BLINDING_set_flags(pair, BN_BLINDING_NO_RECREATE);
    uses = 0;
  }

  const Numbers& numbers;
  std::vector<std::uint8_t> encoded;
  SecretOctets blinded;
  SecretOctets raised;
  std::array<BigNumber, lanes> message;
  std::array<SecretNumber, lanes> unblinding;
  BnContext context{BN_CTX_new()};
  SecretNumber number{BN_new()};
  BigNumber proof{BN_new()};
  BN_BLINDING* pair{nullptr};
  unsigned uses{0};
};

BlindedRsa::Work::Work(const Numbers& numbers) : state_(std::make_unique<State>(numbers)) {}
BlindedRsa::Work::~Work() = default;

void BlindedRsa::Work::blind(std::size_t lane, std::string_view message) {
  State& s = *state_;
  const auto octets = static_cast<int>(s.numbers.octets);
  const Sha256 digest = sha256(message);
  std::ranges::copy(digest, s.encoded.end() - static_cast<std::ptrdiff_t>(digest.size()));
  if (s.uses == uses_of_a_pair) s.draw();
  ++s.uses;

  BIGNUM* const encoded = s.message[lane].get();
  BIGNUM* const blinded = s.number.get();
  if (BN_bin2bn(s.encoded.data(), octets, encoded) == nullptr ||
      BN_copy(blinded, encoded) == nullptr) {
    throw_openssl_failure("encoding a message");
  }
  must(BN_BLINDING_convert_ex(blinded, s.unblinding[lane].get(), s.pair, s.context.get()),
       "blinding");
  if (BN_bn2binpad(blinded, s.blinded.data() + lane * s.numbers.octets, octets) != octets) {
    throw_openssl_failure("blinding");
  }
}

const std::uint8_t* BlindedRsa::Work::input(std::size_t lane) const {
  return state_->blinded.data() + lane * state_->numbers.octets;
}

std::uint8_t* BlindedRsa::Work::output(std::size_t lane) {
  return state_->raised.data() + lane * state_->numbers.octets;
}

std::string BlindedRsa::Work::finish(std::size_t lane) {
  State& s = *state_;
  const auto octets = static_cast<int>(s.numbers.octets);
  BIGNUM* const raised = s.number.get();
  std::string signature(s.numbers.octets, '\0');
  auto* const to = reinterpret_cast<unsigned char*>(signature.data());
  const bool proven =
      BN_bin2bn(output(lane), octets, raised) != nullptr &&
      BN_ucmp(raised, s.numbers.n.get()) < 0 &&
      BN_BLINDING_invert_ex(raised, s.unblinding[lane].get(), s.pair, s.context.get()) == 1 &&
      BN_bn2binpad(raised, to, octets) == octets &&
      BN_mod_exp_mont(s.proof.get(), raised, s.numbers.e.get(), s.numbers.n.get(), s.context.get(),
                      s.numbers.montgomery.get()) == 1 &&
      BN_cmp(s.proof.get(), s.message[lane].get()) == 0;
  if (proven) return signature;
  ERR_clear_error();
  OPENSSL_cleanse(signature.data(), signature.size());
  return {};
}

}  // namespace grantd::jose
