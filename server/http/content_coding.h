/// Content codings that a client asks for (RFC 9110 §12.5.3). Pure.
#pragma once

#include <string_view>

namespace grantd::http {

/// Whether an Accept-Encoding field lets an answer be sent with `Content-Encoding: gzip`: "gzip",
/// its old name "x-gzip", or else "*", with a weight above 0. An absent field would allow any
/// coding, but those who send none seldom decode one: false. What cannot be read asks for nothing.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);

}  // namespace grantd::http
