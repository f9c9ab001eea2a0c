/// Every failure a client can be told of, and its one way onto the wire.
///
/// RFC 6749 §5.2, RFC 7009 §2.2.1, RFC 8707 §2; HTTP's own faults (RFC 9110 §15.5) use
/// `invalid_request`. Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace grantd::oauth {

enum class ErrorCode {
  invalid_request,
  invalid_client,
  /// A wrong secret above `limits.auth_failures`: 429 with the body of invalid_client.
  invalid_client_throttled,
  invalid_scope,
  invalid_target,
  unauthorized_client,
  unsupported_grant_type,
  unsupported_token_type,
  /// Who the client is is not in doubt; it may not do this.
  access_denied,
  temporarily_unavailable,
  server_error,
  not_found,
  method_not_allowed,
  request_timeout,
  content_too_large,
  header_fields_too_large,
  not_implemented,
};

struct Error {
  ErrorCode code{ErrorCode::server_error};
  /// Sent to the client; only %x20-21 / %x23-5B / %x5D-7E, never anything the client sent.
  std::string description{};
  /// Logged as `reason`, never sent: a word in snake_case, such as `wrong_secret`.
  std::string cause{};
};

template <typename T>
using Result = std::expected<T, Error>;

struct Wire {
  std::string_view error;
  unsigned status;
};

constexpr Wire wire(ErrorCode code) {  // no `default`: -Werror=switch finds a forgotten code
  switch (code) {
    case ErrorCode::invalid_request:
      return {"invalid_request", 400};
    case ErrorCode::invalid_client:
      return {"invalid_client", 401};
    case ErrorCode::invalid_client_throttled:
      return {"invalid_client", 429};
    case ErrorCode::invalid_scope:
      return {"invalid_scope", 400};
    case ErrorCode::invalid_target:
      return {"invalid_target", 400};
    case ErrorCode::unauthorized_client:
      return {"unauthorized_client", 400};
    case ErrorCode::unsupported_grant_type:
      return {"unsupported_grant_type", 400};
    case ErrorCode::unsupported_token_type:
      return {"unsupported_token_type", 400};
    case ErrorCode::access_denied:
      return {"access_denied", 403};
    case ErrorCode::temporarily_unavailable:
      return {"temporarily_unavailable", 503};
    case ErrorCode::server_error:
      return {"server_error", 500};
    case ErrorCode::not_found:
      return {"invalid_request", 404};
    case ErrorCode::method_not_allowed:
      return {"invalid_request", 405};
    case ErrorCode::request_timeout:
      return {"invalid_request", 408};
    case ErrorCode::content_too_large:
      return {"invalid_request", 413};
    case ErrorCode::header_fields_too_large:
      return {"invalid_request", 431};
    case ErrorCode::not_implemented:
      return {"invalid_request", 501};
  }
  std::unreachable();
}

}  // namespace grantd::oauth
