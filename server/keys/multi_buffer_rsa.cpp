#include "server/keys/multi_buffer_rsa.h"

#include <dlfcn.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>
#include <vector>

namespace grantd::keys {
namespace {

// What is called of crypto_mb/rsa.h and crypto_mb/cpu_features.h; each array has eight entries, and
// a lane whose entries are null is left out.
using Octets = std::uint8_t;
using Words = const std::uint64_t*;
struct Method;  // the library's own
using PrivateCrt = std::uint32_t (*)(const Octets* const* from, Octets* const* to, const Words* p,
                                     const Words* q, const Words* dp, const Words* dq,
                                     const Words* q_inverse, int bits, const Method* method,
                                     Octets* buffer);
using MethodOf = const Method* (*)(int bits);
using BufferSize = int (*)(const Method* method);
using IsApplicable = int (*)(std::uint64_t features);

struct Close {
  void operator()(void* handle) const noexcept { ::dlclose(handle); }
};
using Handle = std::unique_ptr<void, Close>;

template <typename Function>
bool find(const Handle& handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(handle.get(), name));
  return function != nullptr;
}

/// Names what is missing; empty where the processor and the system have all.
std::string missing_instructions() {
  std::string missing;
#if defined(__x86_64__)
  const auto need = [&missing](bool there, const char* name) {
    if (!there) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  need(__builtin_cpu_supports("avx512f") != 0, "AVX512F");
  need(__builtin_cpu_supports("avx512dq") != 0, "AVX512DQ");
  need(__builtin_cpu_supports("avx512bw") != 0, "AVX512BW");
  need(__builtin_cpu_supports("avx512vl") != 0, "AVX512VL");
  need(__builtin_cpu_supports("avx512ifma") != 0, "AVX512-IFMA");
  need(__builtin_cpu_supports("avx512vbmi2") != 0, "AVX512-VBMI2");
  need(__builtin_cpu_supports("bmi2") != 0, "BMI2");
#else
  missing = "x86-64";
#endif
  return missing;
}

}  // namespace

class MultiBufferRsa::Library {
 public:
  struct Size {
    int bits{0};
    const Method* method{nullptr};
    std::size_t buffer_octets{0};
  };

  /// Error: what is missing.
  std::expected<void, std::string> load(const char* name) {
    handle_.reset(::dlopen(name, RTLD_NOW | RTLD_LOCAL));
    if (handle_ == nullptr) {
      const char* const reason = ::dlerror();
      return std::unexpected(std::string(reason == nullptr ? name : reason));
    }
    IsApplicable is_applicable = nullptr;
    MethodOf method_of = nullptr;
    BufferSize buffer_size = nullptr;
    if (!find(handle_, "mbx_is_crypto_mb_applicable", is_applicable) ||
        !find(handle_, "mbx_RSA_private_crt_Method", method_of) ||
        !find(handle_, "mbx_RSA_Method_BufSize", buffer_size) ||
        !find(handle_, "mbx_rsa_private_crt_mb8", private_crt_)) {
      return std::unexpected(std::string(name) + " lacks the RSA private-key operation by CRT");
    }
    // 0: the library asks the processor itself.
    if (is_applicable(0) == 0) {
      return std::unexpected(std::string(name) + " says that it does not run on this processor");
    }
    for (Size& size : sizes_) {
      size.method = method_of(size.bits);
      const int octets = size.method == nullptr ? 0 : buffer_size(size.method);
      if (octets <= 0) return std::unexpected(std::string(name) + " lacks a key size");
      size.buffer_octets = static_cast<std::size_t>(octets);
    }
    return {};
  }

  [[nodiscard]] const Size* find_size(int bits) const {
    for (const Size& size : sizes_) {
      if (size.bits == bits) return &size;
    }
    return nullptr;
  }

  void compute(const Size& size, std::span<const Lane> batch) {
    std::array<const Octets*, lanes> from{};
    std::array<Octets*, lanes> to{};
    std::array<Words, lanes> p{};
    std::array<Words, lanes> q{};
    std::array<Words, lanes> dp{};
    std::array<Words, lanes> dq{};
    std::array<Words, lanes> q_inverse{};
    for (std::size_t i = 0; i < batch.size(); ++i) {
      from.at(i) = batch[i].input;
      to[i] = batch[i].output;
      p[i] = batch[i].key->p;
      q[i] = batch[i].key->q;
      dp[i] = batch[i].key->dp;
      dq[i] = batch[i].key->dq;
      q_inverse[i] = batch[i].key->q_inverse;
    }
    auto scratch = take_scratch();
    scratch.resize(std::max(scratch.size(), size.buffer_octets));
    // Its status says which lanes lacked an entry; whether a result is one, its caller proves.
    private_crt_(from.data(), to.data(), p.data(), q.data(), dp.data(), dq.data(), q_inverse.data(),
                 size.bits, size.method, scratch.data());
    OPENSSL_cleanse(scratch.data(), size.buffer_octets);
    give_back(std::move(scratch));
  }

 private:
  using Scratch = std::vector<Octets>;

  Scratch take_scratch() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return {};
    Scratch scratch = std::move(idle_.back());
    idle_.pop_back();
    return scratch;
  }

  void give_back(Scratch scratch) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(scratch));
  }

  Handle handle_;
  PrivateCrt private_crt_{nullptr};
  std::array<Size, 3> sizes_{{{2048}, {3072}, {4096}}};
  std::mutex mutex_;
  std::vector<Scratch> idle_;  // one for each thread that ever computed at the same time
};

std::expected<std::unique_ptr<MultiBufferRsa>, std::string> MultiBufferRsa::load(const char* name) {
  if (const auto missing = missing_instructions(); !missing.empty()) {
    return std::unexpected("found a processor, or a system, without " + missing +
                           "; expected AVX-512 IFMA and what goes with it");
  }
  auto loaded = std::make_unique<Library>();
  if (const auto result = loaded->load(name); !result) {
    return std::unexpected("found: " + result.error() + "; expected " + library +
                           ", which `apt-get install libcrypto-mb11` brings on Debian 13 and "
                           "Ubuntu 24.04");
  }
  return std::unique_ptr<MultiBufferRsa>(new MultiBufferRsa(std::move(loaded)));
}

MultiBufferRsa::MultiBufferRsa(std::unique_ptr<Library> loaded) : library_(std::move(loaded)) {}
MultiBufferRsa::~MultiBufferRsa() = default;

bool MultiBufferRsa::takes(int bits) const { return library_->find_size(bits) != nullptr; }

void MultiBufferRsa::compute(int bits, std::span<const Lane> batch) {
  if (const auto* const size = library_->find_size(bits)) library_->compute(*size, batch);
}

}  // namespace grantd::keys
