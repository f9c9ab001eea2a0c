/// A certificate authority and a server certificate for `serve --dev` and the tests: ECDSA P-256,
/// for localhost, 127.0.0.1 and ::1. Not for production.
#pragma once

#include <expected>
#include <string>

#include "server/base/clock.h"
#include "server/base/secret.h"

namespace grantd::http::tls {

struct DevelopmentCertificates {
  std::string ca_certificate_pem{};
  std::string server_certificate_pem{};
  SecretString server_private_key_pem{};
};

/// A new authority (its private key is thrown away) and one certificate under it, both valid from
/// an hour before `now` for 365 days.
[[nodiscard]] std::expected<DevelopmentCertificates, std::string> make_development_certificates(
    sys_seconds now);

/// Whether the first certificate in `certificate_pem` can be read and is valid for another week.
[[nodiscard]] bool still_valid(const std::string& certificate_pem, sys_seconds now);

}  // namespace grantd::http::tls
