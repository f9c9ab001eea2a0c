/// The metrics by name (Prometheus text format 0.0.4), on prometheus-cpp's core. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace grantd::observe {

/// What a reader of the revocation feed was answered with.
enum class FeedAnswer { full, news, empty, not_modified };

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// grantd_requests_total{endpoint,status}, grantd_request_duration_seconds{endpoint}.
  void request(std::string_view endpoint, unsigned status, std::chrono::nanoseconds duration);
  /// grantd_tokens_issued_total
  void token_issued();
  /// grantd_revocations_total
  void token_revoked();
  /// grantd_authentication_failures_total{reason}
  void authentication_failed(std::string_view reason);
  /// grantd_config_reloads_total
  void config_reloaded();
  /// grantd_config_reload_failures_total
  void config_reload_failed();
  /// grantd_key_load_failures_total
  void key_load_failed();
  /// grantd_signer_info{signer}: "openssl" or "multi-buffer". Once.
  void signer_in_force(std::string_view signer);
  /// grantd_signatures_total{signer="openssl"}, of a signer that makes batches
  void signed_alone();
  /// grantd_signatures_total{signer="multi-buffer"}, grantd_signature_batches_total
  void signed_together(std::size_t signatures);
  /// grantd_signature_faults_total
  void signature_faulty();
  /// grantd_client_cache_hits_total, grantd_client_cache_misses_total
  void client_cache(bool hit);
  /// grantd_storage_failures_total
  void storage_failed();
  /// grantd_storage_available
  void storage_answers(bool answers);
  /// grantd_storage_read_seconds
  void storage_read(std::int64_t unix_seconds);
  /// grantd_storage_clock_ahead_seconds
  void storage_clock_ahead(std::chrono::nanoseconds ahead);
  /// grantd_clock_off_total
  void clock_went_off();
  /// grantd_connections_refused_total
  void connection_refused();
  /// grantd_tls_handshake_failures_total
  void handshake_failed();
  /// grantd_connections: +1 where one opens, -1 where it closes.
  void connections(std::int64_t change);
  /// grantd_tls_certificate_expiry_seconds
  void certificate_expires(std::int64_t unix_seconds);
  /// grantd_published_keys
  void published_keys(std::int64_t count);
  /// grantd_live_revocations
  void live_revocations(std::int64_t count);

  /// grantd_feed_readers_waiting: +1 where one begins to wait, -1 where it ends.
  void feed_waiting(std::int64_t change);
  /// grantd_feed_answers_total{answer}
  void feed_answered(FeedAnswer answer);

  /// grantd_log_dropped_total, read at each scrape: what the log has dropped so far.
  void log_dropped_from(std::function<std::uint64_t()> dropped);

  /// The whole exposition.
  [[nodiscard]] std::string text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grantd::observe
