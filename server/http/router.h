/// Which handler answers a method and path (RFC 9110 §9, §15.5.5, §15.5.6).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/http/message.h"

namespace grantd::http {

struct Route {
  /// What a path is compared with: all of it, as sent, no decoding.
  enum class Covers {
    path,
    /// `path` ends in '/'; each of its children, which have one segment more, not itself.
    children,
  };

  std::string path{};
  std::string_view endpoint{};  // the name in logs and metrics; a literal
  Method method{Method::get};   // get also answers HEAD
  Handler handler{};
  Covers covers{Covers::path};
};

/// Immutable once built; thread-safe.
class Router {
 public:
  explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {}

  struct Match {
    const Route* route{nullptr};        // set where method and path fit
    std::string_view endpoint{"none"};  // set where the path fits
    std::string allow{};                // set where only the path fits: the value of Allow
  };
  [[nodiscard]] Match find(Method method, std::string_view path) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace grantd::http
