#include "server/tokens/status_list_token.h"

#include "server/base/deflate.h"
#include "server/base/text.h"
#include "server/jose/base64url.h"

namespace grantd::tokens {
namespace {

std::string seconds_text(sys_seconds t) { return std::to_string(t.time_since_epoch().count()); }

}  // namespace

std::string status_list_json(const StatusListClaims& claims, std::string_view octets) {
  std::string json = R"({"iss":)";
  append_json_string(json, claims.issuer);
  json += R"(,"sub":)";
  append_json_string(json, claims.uri);
  json += R"(,"iat":)" + seconds_text(claims.issued_at);
  json += R"(,"exp":)" + seconds_text(claims.expires_at);
  json += R"(,"ttl":)" + std::to_string(claims.ttl.count());
  json += R"(,"status_list":{"bits":1,"lst":")";
  jose::append_base64url(json, zlib_compress_runs(octets));
  json += R"("}})";
  return json;
}

}  // namespace grantd::tokens
