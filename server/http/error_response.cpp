#include "server/http/error_response.h"

#include "server/base/text.h"

namespace grantd::http {
namespace {

/// How long a refused client should wait: failures are counted by the minute, a backend that is
/// away is usually back within seconds.
constexpr std::string_view throttled_retry_seconds = "60";
constexpr std::string_view unavailable_retry_seconds = "5";

}  // namespace

Response error_response(const oauth::Error& error) {
  const oauth::Wire wire = oauth::wire(error.code);
  Response response;
  response.status = wire.status;
  response.body = R"({"error":)";
  append_json_string(response.body, wire.error);
  if (!error.description.empty()) {
    response.body += R"(,"error_description":)";
    append_json_string(response.body, error.description);
  }
  response.body += '}';
  response.headers.push_back({"Cache-Control", "no-store"});
  response.headers.push_back({"Pragma", "no-cache"});
  if (wire.status == 401 || wire.status == 429) {
    response.headers.push_back({"WWW-Authenticate", R"(Basic realm="grantd")"});
  }
  if (wire.status == 429) {
    response.headers.push_back({"Retry-After", std::string(throttled_retry_seconds)});
  } else if (wire.status == 503) {
    response.headers.push_back({"Retry-After", std::string(unavailable_retry_seconds)});
  }
  response.log.error = wire.error;
  response.log.reason = error.cause;
  return response;
}

}  // namespace grantd::http
