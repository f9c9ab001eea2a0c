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
  paths.openid_path = paths.base_path + "/.well-known/openid-configuration";
  return paths;
}

std::string render_metadata(const Capabilities& capabilities, MetadataKind kind) {
  const std::string_view issuer = capabilities.issuer;
  const auto base = paths_of(issuer).base_url;
  const std::vector<std::string_view> methods{
      storage::name(storage::AuthMethod::client_secret_basic),
      storage::name(storage::AuthMethod::client_secret_post)};
  std::string body = "{";
  append_member(body, "issuer", issuer);
  append_member(body, "token_endpoint", base + "/token");
  append_member(body, "jwks_uri", base + "/.well-known/jwks.json");
  append_member(body, "introspection_endpoint", base + "/introspect");
  append_member(body, "revocation_endpoint", base + "/revoke");
  append_member(body, "grant_types_supported", capabilities.grant_types);
  append_member(body, "token_endpoint_auth_methods_supported", methods);
  append_member(body, "introspection_endpoint_auth_methods_supported", methods);
  append_member(body, "revocation_endpoint_auth_methods_supported", methods);
  append_member(body, "revocation_feed_endpoint", base + "/revocations");  // grantd's own
  append_member(body, "introspection_signing_alg_values_supported",
                std::vector<std::string_view>{"RS256"});
  if (!capabilities.token_encryption_algs.empty()) {
    // No registered name says it of access tokens; these are the ones that others use.
    append_member(body, "access_token_encryption_alg_values_supported",
                  capabilities.token_encryption_algs);
    append_member(body, "access_token_encryption_enc_values_supported",
                  std::vector<std::string_view>{"A256GCM"});
  }
  if (capabilities.status_lists) {
    append_member(body, "status_list_aggregation_endpoint", base + "/status");
  }
  if (!capabilities.trust_domain.empty()) {
    body.append(
        R"(,"transaction_tokens":{"specification":"draft-ietf-oauth-transaction-tokens-10")");
    append_member(body, "trust_domain", capabilities.trust_domain);
    body += '}';
  }
  switch (kind) {
    case MetadataKind::authorization_server:
      break;  // response_types_supported is left out: RFC 8414 §3.2 forbids empty arrays
    case MetadataKind::openid_provider:
      // Required there, though nobody logs in here; libraries refuse a document without them.
      append_member(body, "response_types_supported", std::vector<std::string_view>{});
      append_member(body, "subject_types_supported", std::vector<std::string_view>{"public"});
      append_member(body, "id_token_signing_alg_values_supported",
                    std::vector<std::string_view>{"RS256"});
      break;
  }
  body += '}';
  return body;
}

std::shared_ptr<const MetadataEndpoint::Rendered> MetadataEndpoint::rendered(std::string document) {
  auto made = std::make_shared<Rendered>();
  // Any value that differs where the text differs, within one process, will do as its tag.
  made->etag = '"' + std::to_string(std::hash<std::string>{}(document)) + '"';
  made->body = std::make_shared<const std::string>(std::move(document));
  return made;
}

MetadataEndpoint::MetadataEndpoint(std::string document, std::chrono::seconds max_age)
    : rendered_(rendered(std::move(document))), max_age_(max_age) {}

void MetadataEndpoint::set_document(std::string document) {
  rendered_.set(rendered(std::move(document)));
}

boost::asio::awaitable<http::Response> MetadataEndpoint::handle(const http::Request& http) const {
  const auto now = rendered_.get();
  co_return document(http, now->body, now->etag, max_age_.load());
}

}  // namespace grantd::endpoints
