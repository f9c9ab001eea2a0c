/// grantd's public keys, kept from its JWK set. The set is fetched at the start, every few minutes,
/// and once on an unknown `kid`, with a cool-down so that made-up kids cause no traffic; where
/// grantd cannot be reached, the last good set serves on.
#pragma once

#include <chrono>
#include <mutex>
#include <stop_token>
#include <string>

#include "https.h"
#include "verifier.h"

namespace example {

class KeyCache {
 public:
  static constexpr std::chrono::minutes refresh_every{5};  // grantd's keys.jwks_max_age
  static constexpr std::chrono::seconds cool_down{5};
  static constexpr std::chrono::seconds retry_every{1};  // while nothing was ever loaded

  KeyCache(HttpsClient& client, std::string jwks_url);

  [[nodiscard]] PublicKey find(const std::string& kid);
  [[nodiscard]] bool loaded();

  /// Keeps the set fresh until stopped; runs on a thread of its own.
  void run(const std::stop_token& stop);

 private:
  using Time = std::chrono::steady_clock::time_point;

  void fetch();  // one at a time; never throws

  HttpsClient& client_;
  std::string url_;
  std::mutex mutex_;  // holds keys_ and tried_
  KeysByKid keys_;
  std::optional<Time> tried_;
  std::mutex fetching_;
};

}  // namespace example
