/// A public document that was rendered once and is sent many times, with its entity tag.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace grantd::endpoints {

/// Whether an If-None-Match field holds the tag, given without "W/", or is "*" (RFC 9110 §13.1.2,
/// weak comparison).
[[nodiscard]] bool is_held(std::string_view if_none_match, std::string_view etag);

/// 200 with ETag and `Cache-Control: public, max-age=`; 304 where If-None-Match holds the tag
/// (RFC 9110 §13.1.2, weak comparison).
[[nodiscard]] http::Response document(const http::Request& request,
                                      std::shared_ptr<const std::string> body,
                                      const std::string& etag, std::chrono::seconds max_age);

}  // namespace grantd::endpoints
