#include "server/endpoints/metadata.h"

#include <functional>

#include "server/base/text.h"
#include "server/endpoints/document.h"
#include "storage/records.h"

namespace grantd::endpoints {
namespace {

constexpr std::string_view well_known = "/.well-known/oauth-authorization-server";

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out.append(out.size() > 1 ? ",\"" : "\"").append(name).append("\":");
  append_json_string(out, value);
}

void append_member(std::string& out, std::string_view name,
                   const std::vector<std::string_view>& values) {
  out.append(",\"").append(name).append("\":[");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, values[i]);
  }
  out += ']';
}

}  // namespace

IssuerPaths paths_of(std::string_view issuer) {
  if (issuer.ends_with('/')) issuer.remove_suffix(1);
  const auto authority = issuer.find("//") + 2;
  const auto path = issuer.find('/', authority);
  IssuerPaths paths;
  paths.base_url = issuer;
  if (path != std::string_view::npos) paths.base_path = issuer.substr(path);
  paths.metadata_path = std::string(well_known) + paths.base_path;
  return paths;
}

MetadataEndpoint::MetadataEndpoint(std::string_view issuer,
                                   const std::vector<std::string_view>& grant_types,
                                   std::chrono::seconds max_age)
    : max_age_(max_age) {
  const auto base = paths_of(issuer).base_url;
  const std::vector<std::string_view> methods{
      storage::name(storage::AuthMethod::client_secret_basic),
      storage::name(storage::AuthMethod::client_secret_post)};
  // response_types_supported is left out: RFC 8414 §3.2 forbids empty arrays.
  std::string body = "{";
  append_member(body, "issuer", issuer);
  append_member(body, "token_endpoint", base + "/token");
  append_member(body, "jwks_uri", base + "/.well-known/jwks.json");
  append_member(body, "introspection_endpoint", base + "/introspect");
  append_member(body, "revocation_endpoint", base + "/revoke");
  append_member(body, "grant_types_supported", grant_types);
  append_member(body, "token_endpoint_auth_methods_supported", methods);
  append_member(body, "introspection_endpoint_auth_methods_supported", methods);
  append_member(body, "revocation_endpoint_auth_methods_supported", methods);
  body += '}';
  // Never changes while the process runs: any value that differs where the text differs will do.
  etag_ = '"' + std::to_string(std::hash<std::string>{}(body)) + '"';
  body_ = std::make_shared<const std::string>(std::move(body));
}

boost::asio::awaitable<http::Response> MetadataEndpoint::handle(const http::Request& http) const {
  co_return document(http, body_, etag_, max_age_.load());
}

}  // namespace grantd::endpoints
