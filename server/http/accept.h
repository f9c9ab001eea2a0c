/// What media type a client would rather have (RFC 9110 §12.5.1). Pure.
#pragma once

#include <string_view>

namespace grantd::http {

/// Whether an Accept field asks for `offered` rather than for `usual`, which is sent to everybody
/// else: it names `offered` itself, with a weight above 0 and not below that of `usual`, which may
/// be named or fall under a range. A range alone ("*/*") asks for nothing in particular. Parameters
/// other than the weight are passed over, and so is an element that cannot be read.
[[nodiscard]] bool asks_for(std::string_view accept, std::string_view offered,
                            std::string_view usual);

}  // namespace grantd::http
