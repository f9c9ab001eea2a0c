#include "server/http/router.h"

#include <utility>

namespace grantd::http {

namespace {

bool covers(const Route& route, std::string_view path) {
  switch (route.covers) {
    case Route::Covers::path:
      return path == route.path;
    case Route::Covers::children:
      return path.starts_with(route.path) && path.size() > route.path.size() &&
             path.find('/', route.path.size()) == std::string_view::npos;
  }
  std::unreachable();
}

}  // namespace

Router::Match Router::find(Method method, std::string_view path) const {
  Match match;
  for (const Route& route : routes_) {
    if (!covers(route, path)) continue;
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
