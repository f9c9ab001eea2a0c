// What all tokens' cost is a ratio to: `bare_signature [SECONDS]` signs and verifies with RS256 and
// a fresh RSA-2048 key, nothing else, for about SECONDS (1) together, and prints one line of JSON
// with the CPU time of one operation in microseconds:
//
//   {"sign_us": 271.3, "verify_us": 9.8}
//
// One thread a core, each with a key of its own, because a loaded server keeps all cores busy too.

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr int key_bits = 2048;
constexpr std::size_t signing_input_bytes = 600;  // about an access token without its signature
constexpr double verify_share = 0.2;              // of the time; a verification is far cheaper

void require(bool succeeded) {
  if (succeeded) return;
  std::fputs("bare_signature: OpenSSL failed\n", stderr);
  std::_Exit(1);
}

double cpu_seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Signing {
  Key key{EVP_RSA_gen(key_bits), EVP_PKEY_free};
  Context context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
  std::string input = std::string(signing_input_bytes, 'a');
  std::array<unsigned char, key_bits / 8> signature{};

  const unsigned char* text() const { return reinterpret_cast<const unsigned char*>(input.data()); }

  void sign(const EVP_MD* digest) {
    auto length = signature.size();
    require(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key.get()) == 1);
    require(EVP_DigestSign(context.get(), signature.data(), &length, text(), input.size()) == 1);
  }

  void verify(const EVP_MD* digest) {
    require(EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.get()) == 1);
    require(EVP_DigestVerify(context.get(), signature.data(), signature.size(), text(),
                             input.size()) == 1);
  }
};

/// CPU microseconds of one `operation`, repeated on all of `each` side by side for `seconds` of
/// CPU.
template <typename Operation>
double measure(std::vector<Signing>& each, double seconds, Operation operation) {
  std::atomic<long> total{0};
  const auto before = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  {
    std::vector<std::jthread> threads;
    threads.reserve(each.size());
    for (auto& signing : each) {
      threads.emplace_back([&] {
        long done = 0;
        for (; cpu_seconds(CLOCK_THREAD_CPUTIME_ID) < seconds; ++done) operation(signing);
        total += done;
      });
    }
  }
  return (cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - before) / static_cast<double>(total) * 1e6;
}

}  // namespace

int main(int count, char** arguments) {
  const auto seconds = count > 1 ? std::stod(arguments[1]) : 1.0;
  // Fetched once, as the server does: each fetch takes locks.
  const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> digest{
      EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_free};
  std::vector<Signing> each(std::max(1U, std::thread::hardware_concurrency()));
  const auto sign_us = measure(each, seconds * (1 - verify_share),
                               [&](Signing& signing) { signing.sign(digest.get()); });
  const auto verify_us = measure(each, seconds * verify_share,
                                 [&](Signing& signing) { signing.verify(digest.get()); });
  std::printf("{\"sign_us\": %.2f, \"verify_us\": %.2f}\n", sign_us, verify_us);
}
