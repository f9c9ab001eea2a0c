/// Tokens to call other services with: got from grantd's token endpoint, cached, renewed before
/// they expire, and fetched once however many callers wait for them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

#include "https.h"

namespace example {

struct Token {
  std::string value{};
  std::chrono::steady_clock::time_point expires_at{};
  std::chrono::seconds lifetime{};
};

/// grantd's answer was an OAuth error; `what()` is its `error` (RFC 6749 §5.2).
struct TokenRefused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// `Basic …` of RFC 6749 §2.3.1. The file is read each time: a rotated secret needs no restart.
[[nodiscard]] std::string basic_credentials(const std::string& client_id,
                                            const std::string& secret_file);

/// POST /token. Throws TokenRefused, Unreachable.
class TokenEndpoint {
 public:
  TokenEndpoint(HttpsClient& client, std::string url, std::string client_id,
                std::string secret_file);

  [[nodiscard]] Token client_credentials(const std::string& audience,
                                         const std::string& scope) const;
  /// RFC 8693.
  [[nodiscard]] Token exchange(const std::string& subject_token, const std::string& audience,
                               const std::string& scope) const;

 private:
  [[nodiscard]] Token request(const std::string& form) const;

  HttpsClient& client_;
  std::string url_, client_id_, secret_file_;
};

/// One token a key. The key of an exchanged token is the subject token, so that a caller's token is
/// never used for another caller. Any number of threads.
class TokenCache {
 public:
  static constexpr std::size_t max_entries = 10'000;
  static constexpr std::chrono::seconds wait_limit{10}, renew_before{30};
  using Fetch = std::function<Token()>;

  /// The cached token, or `fetch`'s. In the last fifth of its life, or its last 30 s where
  /// that is shorter, one caller renews it while the others go on with the old one, also where
  /// renewing fails. Throws what `fetch` throws.
  [[nodiscard]] std::string get(const std::string& key, const Fetch& fetch);
  /// Forgets this token, which was refused; a newer one stays.
  void drop(const std::string& key, const std::string& token);

 private:
  struct Entry {
    Token token{};
    bool fetching = false;
  };

  void make_room(std::chrono::steady_clock::time_point now);

  std::mutex mutex_;
  std::condition_variable fetched_;
  std::map<std::string, Entry> entries_;
};

}  // namespace example
