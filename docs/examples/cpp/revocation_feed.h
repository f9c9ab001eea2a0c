/// Which tokens were revoked, without asking grantd for each request: the revocation feed
/// (`GET {issuer}/revocations`, a signed document) read by one long poll after the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "https.h"
#include "verifier.h"

namespace example {

/// What the feed has told so far. Pure but for its lock; any number of threads may ask.
class Revocations {
 public:
  /// Takes one answer's payload: merges it, or, where it is `full`, begins anew. False where it is
  /// not in the form of a feed document; then nothing has changed.
  [[nodiscard]] bool apply(const nlohmann::json& document);
  /// Forgets what has expired by itself.
  void sweep(std::int64_t now_seconds);

  /// The rule: the token's jti or its root's was revoked, its key was compromised, or it was issued
  /// no later than the not-before time of its client, its subject, an actor, or of all.
  [[nodiscard]] bool revoked(const Claims& claims) const;

  /// Where the next answer has to begin; negative: with everything.
  [[nodiscard]] std::int64_t cursor() const;

 private:
  struct NotBefore {
    std::int64_t iat = 0, exp = 0;
  };

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, std::int64_t> jtis_;  // to when it may be forgotten
  std::unordered_map<std::string, NotBefore> not_before_;
  NotBefore not_before_all_;
  std::vector<std::string> kids_;
  std::int64_t cursor_ = -1;
};

class RevocationFeed {
 public:
  static constexpr std::chrono::seconds wait{30};         // how long grantd may hold an answer
  static constexpr std::chrono::seconds stale_after{60};  // without an answer: not ready
  static constexpr std::chrono::milliseconds first_pause{100}, longest_pause{5000};

  struct Source {
    std::string url;     // {issuer}/revocations
    std::string issuer;  // what the documents' `iss` must be
    std::string client_id, secret_file;
  };

  RevocationFeed(HttpsClient& client, FindKey find_key, Source source);

  [[nodiscard]] const Revocations& revocations() const { return revocations_; }
  /// The whole live set was had once.
  [[nodiscard]] bool loaded() const;
  /// An answer came within `stale_after`, so that what is known is current.
  [[nodiscard]] bool fresh() const;

  /// Polls until stopped; runs on a thread of its own. Failures are retried with growing pauses; as
  /// the cursor stays, nothing is missed.
  void run(const std::stop_token& stop);

 private:
  enum class Outcome : std::uint8_t { current, more, failed };
  Outcome poll(const std::stop_token& stop, bool may_wait);

  HttpsClient& client_;
  FindKey find_key_;
  Source source_;
  Revocations revocations_;
  mutable std::shared_mutex mutex_;
  std::optional<std::chrono::steady_clock::time_point> answered_;
};

}  // namespace example
