/// GET /.well-known/oauth-authorization-server, authorization server metadata (RFC 8414). Only what
/// is really there is advertised.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/message.h"

namespace grantd::endpoints {

/// Where an issuer's endpoints are: the issuer less a final '/', plus a path.
struct IssuerPaths {
  std::string base_url{};       // "https://auth.example.com/tenant"
  std::string base_path{};      // "/tenant", or empty
  std::string metadata_path{};  // "/.well-known/oauth-authorization-server/tenant" (RFC 8414 §3)
};
/// `issuer` was checked by the configuration: https, no query, no fragment.
[[nodiscard]] IssuerPaths paths_of(std::string_view issuer);

class MetadataEndpoint {
 public:
  MetadataEndpoint(std::string_view issuer, const std::vector<std::string_view>& grant_types,
                   std::chrono::seconds max_age);

  boost::asio::awaitable<http::Response> handle(const http::Request& http) const;
  /// A reload.
  void set_max_age(std::chrono::seconds max_age) { max_age_ = max_age; }

 private:
  std::shared_ptr<const std::string> body_;
  std::string etag_;
  std::atomic<std::chrono::seconds> max_age_;
};

}  // namespace grantd::endpoints
