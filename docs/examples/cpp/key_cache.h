/// grantd's public keys, kept from its JWK set. The set is fetched at the start, when its `max-age`
/// has passed, and once on an unknown `kid`, with a cool-down so that made-up kids cause no traffic;
/// where grantd cannot be reached, the last good set serves on.
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
  static constexpr std::chrono::minutes usual_age{5};    // where the answer names no max-age
  static constexpr std::chrono::seconds cool_down{5};    // between two fetches for unknown kids
  static constexpr std::chrono::seconds retry_every{1};  // while nothing was ever loaded

  KeyCache(HttpsClient& client, std::string jwks_url);

  [[nodiscard]] PublicKey find(const std::string& kid);
  [[nodiscard]] bool loaded();

  /// Keeps the set fresh until stopped; runs on a thread of its own.
  void run(const std::stop_token& stop);

 private:
  using Time = std::chrono::steady_clock::time_point;

  [[nodiscard]] std::chrono::seconds max_age();
  void fetch();  // one at a time; never throws

  HttpsClient& client_;
  std::string url_;
  std::mutex mutex_;  // holds keys_ and max_age_
  KeysByKid keys_;
  std::chrono::seconds max_age_{usual_age};
  std::mutex fetching_;          // holds asked_, too
  std::optional<Time> asked_{};  // for an unknown kid
};

}  // namespace example
