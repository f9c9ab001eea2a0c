#include "server/service/signing.h"

#include <expected>
#include <string>
#include <utility>

#include "server/keys/multi_buffer_rsa.h"
#include "server/keys/rsa_known_answer.h"

namespace grantd::service {
namespace {

constexpr std::string_view openssl = "openssl";
constexpr std::string_view multi_buffer = "multi-buffer";

std::expected<std::unique_ptr<keys::RsaBatch>, std::string> tested_backend() {
  auto loaded = keys::MultiBufferRsa::load();
  if (!loaded) return std::unexpected(loaded.error());
  if (const auto tested = keys::known_answer_test(**loaded); !tested) {
    return std::unexpected(std::string(keys::MultiBufferRsa::library) + ": " + tested.error());
  }
  return std::move(*loaded);
}

}  // namespace

void SigningEvents::faulty(const std::string& kid) {
  metrics_.signature_faulty();
  const SteadyTime now = clock_.steady();
  std::int64_t faults = 0;
  {
    const std::lock_guard lock(mutex_);
    ++since_alarm_;
    if (alarmed_at_ && now - *alarmed_at_ < alarm_interval) return;
    alarmed_at_ = now;
    faults = std::exchange(since_alarm_, 0);
  }
  log_.event(
      observe::Level::error, "signature_fault",
      {{"kid", std::string_view(kid)},
       {"faults", faults},
       {"detail", std::string_view("the multi-buffer signer computed what is no signature; it was "
                                   "thrown away, and OpenSSL signed: suspect this machine")}});
}

Signing::Signing(config::SignerKind wanted, const Clock& clock, observe::Log& log,
                 observe::Metrics& metrics)
    : events_(clock, log, metrics) {
  if (wanted == config::SignerKind::multi_buffer) {
    auto backend = tested_backend();
    if (backend) {
      backend_ = std::move(*backend);
    } else {
      log.event(observe::Level::warn, "signer_unavailable",
                {{"signer", multi_buffer}, {"detail", std::string_view(backend.error())}});
    }
  }
  if (backend_ != nullptr) {
    signer_ = std::make_unique<keys::BatchSigner>(*backend_, events_);
  } else {
    signer_ = std::make_unique<keys::OpenSslSigner>();
  }
  const auto in_force = backend_ != nullptr ? multi_buffer : openssl;
  metrics.signer_in_force(in_force);
  log.event(observe::Level::info, "signer", {{"signer", in_force}});
}

}  // namespace grantd::service
