/// What makes the signatures, as `keys.signer` says, and what is told of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "config/config.h"
#include "server/base/clock.h"
#include "server/keys/batch_signer.h"
#include "server/keys/rsa_batch.h"
#include "server/keys/signer.h"
#include "server/observe/log.h"
#include "server/observe/metrics.h"

namespace grantd::service {

/// Into metrics, and into the log what an operator must know. Thread-safe.
class SigningEvents final : public keys::SigningObserver {
 public:
  /// Between two lines about signatures that were wrong: what errs, errs often.
  static constexpr std::chrono::minutes alarm_interval{1};

  SigningEvents(const Clock& clock, observe::Log& log, observe::Metrics& metrics)
      : clock_(clock), log_(log), metrics_(metrics) {}

  void signed_alone() override { metrics_.signed_alone(); }
  void signed_together(std::size_t signatures) override { metrics_.signed_together(signatures); }
  void faulty(const std::string& kid) override;

 private:
  const Clock& clock_;
  observe::Log& log_;
  observe::Metrics& metrics_;
  std::mutex mutex_;
  std::optional<SteadyTime> alarmed_at_;
  std::int64_t since_alarm_{0};
};

/// Outlives the event loops. Where what the configuration asks for cannot be had, a warning says
/// why, and OpenSSL signs.
class Signing {
 public:
  /// Loads a library and tests it where the configuration asks for one: about 10 ms.
  Signing(config::SignerKind wanted, const Clock& clock, observe::Log& log,
          observe::Metrics& metrics);

  [[nodiscard]] keys::Signer& signer() { return *signer_; }

 private:
  SigningEvents events_;
  std::unique_ptr<keys::RsaBatch> backend_;
  std::unique_ptr<keys::Signer> signer_;
};

}  // namespace grantd::service
