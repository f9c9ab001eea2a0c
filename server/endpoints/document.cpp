#include "server/endpoints/document.h"

#include <algorithm>

namespace grantd::endpoints {

bool is_held(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    const auto end = std::min(if_none_match.find(','), if_none_match.size());
    auto tag = if_none_match.substr(0, end);
    if_none_match.remove_prefix(std::min(end + 1, if_none_match.size()));
    tag.remove_prefix(std::min(tag.find_first_not_of(" \t"), tag.size()));
    tag = tag.substr(0, tag.find_last_not_of(" \t") + 1);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == "*" || tag == etag) return true;
  }
  return false;
}

http::Response document(const http::Request& request, std::shared_ptr<const std::string> body,
                        const std::string& etag, std::chrono::seconds max_age) {
  http::Response response;
  response.headers.push_back({"ETag", etag});
  response.headers.push_back(
      {"Cache-Control", "public, max-age=" + std::to_string(max_age.count())});
  if (is_held(request.if_none_match, etag)) {
    response.status = 304;
  } else {
    response.shared_body = std::move(body);
  }
  return response;
}

}  // namespace grantd::endpoints
