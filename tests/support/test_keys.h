/// RSA keys for tests: made once a process, since each takes about 100 ms, and never committed.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "server/jose/rsa_key.h"

namespace grantd::testing {

/// The same key for the same index. Thread-safe.
inline const std::shared_ptr<const jose::RsaPrivateKey>& test_key(std::size_t index) {
  static std::mutex mutex;
  static std::vector<std::unique_ptr<std::shared_ptr<const jose::RsaPrivateKey>>> keys;
  const std::lock_guard lock(mutex);
  while (keys.size() <= index) {
    auto key = jose::RsaPrivateKey::generate();
    if (!key) throw std::runtime_error(key.error());
    keys.push_back(std::make_unique<std::shared_ptr<const jose::RsaPrivateKey>>(*key));
  }
  return *keys[index];
}

}  // namespace grantd::testing
