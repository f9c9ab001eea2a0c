#include "server/http/router.h"

namespace grantd::http {

Router::Match Router::find(Method method, std::string_view path) const {
  Match match;
  for (const Route& route : routes_) {
    if (route.path != path) continue;
    match.endpoint = route.endpoint;
    const bool fits =
        route.method == method || (route.method == Method::get && method == Method::head);
    if (fits) return {&route, route.endpoint, {}};
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += route.method == Method::get ? "GET, HEAD" : "POST";
  }
  return match;
}

}  // namespace grantd::http
