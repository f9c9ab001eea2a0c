/// The one writer of errors: `oauth::Error` to a response (RFC 6749 §5.2).
#pragma once

#include "server/http/message.h"
#include "server/oauth/error.h"

namespace grantd::http {

/// JSON `{"error","error_description"}`, `Cache-Control: no-store`, `Pragma: no-cache`; 401 and 429
/// with `WWW-Authenticate: Basic realm="grantd"`; 429 and 503 with `Retry-After`.
[[nodiscard]] Response error_response(const oauth::Error& error);

}  // namespace grantd::http
