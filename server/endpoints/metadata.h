/// GET /.well-known/oauth-authorization-server, authorization server metadata (RFC 8414), and GET
/// /.well-known/openid-configuration, the same with what OpenID Connect Discovery 1.0 §3 asks for
/// besides, for libraries that look nowhere else. Only what is really there is advertised.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/snapshot.h"
#include "server/http/message.h"

namespace grantd::endpoints {

/// Where an issuer's endpoints are: the issuer less a final '/', plus a path.
struct IssuerPaths {
  std::string base_url{};       // "https://auth.example.com/tenant"
  std::string base_path{};      // "/tenant", or empty
  std::string metadata_path{};  // "/.well-known/oauth-authorization-server/tenant" (RFC 8414 §3)
  std::string openid_path{};    // "/tenant/.well-known/openid-configuration" (Discovery §4.1)
};
/// `issuer` was checked by the configuration: https, no query, no fragment.
[[nodiscard]] IssuerPaths paths_of(std::string_view issuer);

/// What this server really does.
struct Capabilities {
  std::string issuer{};
  std::vector<std::string_view> grant_types{};
  std::vector<std::string_view> token_encryption_algs{};  // empty: no audience wants it
  std::string trust_domain{};                             // of transaction tokens; empty: none
  bool status_lists{false};                               // some tokens say where their status is
};

enum class MetadataKind { authorization_server, openid_provider };

[[nodiscard]] std::string render_metadata(const Capabilities& capabilities, MetadataKind kind);

class MetadataEndpoint {
 public:
  MetadataEndpoint(std::string document, std::chrono::seconds max_age);

  boost::asio::awaitable<http::Response> handle(const http::Request& http) const;
  /// A reload.
  void set_document(std::string document);
  void set_max_age(std::chrono::seconds max_age) { max_age_ = max_age; }

 private:
  struct Rendered {
    std::shared_ptr<const std::string> body{};
    std::string etag{};
  };
  [[nodiscard]] static std::shared_ptr<const Rendered> rendered(std::string document);

  Snapshot<Rendered> rendered_;
  std::atomic<std::chrono::seconds> max_age_;
};

}  // namespace grantd::endpoints
