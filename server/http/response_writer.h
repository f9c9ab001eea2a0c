/// A response as the octets of its head (RFC 9110 §6, RFC 9112 §4). Pure.
#pragma once

#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/http/message.h"

namespace grantd::http {

/// What a session adds to each response.
struct Envelope {
  std::string_view request_id{};
  std::string_view date{};  // imf_date
  bool keep_alive{true};
  bool http_1_0{false};  // the peer must be told that the connection stays open
};

/// Whether the response has content at all: 204 and 304 never do (RFC 9110 §6.4.1).
[[nodiscard]] bool has_content(const Response& response);

/// Appends the head with its empty line. CR, LF and other control characters in values become
/// spaces: no value can begin a line of its own.
void append_head(std::string& out, const Response& response, const Envelope& envelope);

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7).
[[nodiscard]] std::string imf_date(sys_seconds t);

}  // namespace grantd::http
