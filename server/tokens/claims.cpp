#include "server/tokens/claims.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "server/base/text.h"
#include "server/jose/base64url.h"
#include "server/jose/strict_json.h"

namespace grantd::tokens {
namespace {

using nlohmann::json;

constexpr std::size_t max_claims_depth = 8;
constexpr std::size_t max_jti_bytes = 128;

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, value);
}

void append_member(std::string& out, std::string_view name, sys_seconds value) {
  out.append(",\"").append(name).append("\":");
  out.append(std::to_string(value.time_since_epoch().count()));
}

std::string claims_json(const Claims& claims) {
  std::string out;
  out.reserve(512);
  out.append("{\"iss\":");
  append_json_string(out, claims.issuer);
  append_member(out, "sub", claims.subject);
  append_member(out, "client_id", claims.client_id);
  out.append(",\"aud\":");
  append_audience(out, claims.audiences);
  if (!claims.scopes.empty()) {
    out.append(",\"scope\":\"");
    for (std::size_t i = 0; i < claims.scopes.size(); ++i) {
      if (i > 0) out += ' ';
      append_json_escaped(out, claims.scopes[i]);
    }
    out += '"';
  }
  append_member(out, "iat", claims.issued_at);
  append_member(out, "exp", claims.expires_at);
  append_member(out, "jti", claims.jti);
  out += '}';
  return out;
}

std::optional<std::string> text_member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<sys_seconds> time_member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  constexpr std::uint64_t year_9999 = 253402300799;
  const auto value = found->get<std::uint64_t>();
  if (value > year_9999) return std::nullopt;
  return sys_seconds(std::chrono::seconds(value));
}

std::vector<std::string> audiences_of(const json& object) {
  std::vector<std::string> audiences;
  const auto found = object.find("aud");
  if (found == object.end()) return audiences;
  if (found->is_string()) return {found->get<std::string>()};
  if (!found->is_array()) return audiences;
  for (const auto& entry : *found) {
    if (!entry.is_string()) return {};
    audiences.push_back(entry.get<std::string>());
  }
  return audiences;
}

std::vector<std::string> split(std::string_view scope) {
  std::vector<std::string> scopes;
  while (!scope.empty()) {
    const auto end = std::min(scope.find(' '), scope.size());
    if (end > 0) scopes.emplace_back(scope.substr(0, end));
    scope.remove_prefix(std::min(end + 1, scope.size()));
  }
  return scopes;
}

}  // namespace

void append_audience(std::string& out, const std::vector<std::string>& audiences) {
  if (audiences.size() == 1) {
    append_json_string(out, audiences.front());
    return;
  }
  out += '[';
  for (std::size_t i = 0; i < audiences.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, audiences[i]);
  }
  out += ']';
}

std::string signing_input(std::string_view kid, std::string_view typ, const Claims& claims) {
  std::string header;
  header.append(R"({"alg":"RS256","kid":)");
  append_json_string(header, kid);
  header.append(R"(,"typ":)");
  append_json_string(header, typ);
  header += '}';

  std::string out;
  out.reserve(1024);
  jose::append_base64url(out, header);
  out += '.';
  jose::append_base64url(out, claims_json(claims));
  return out;
}

std::expected<Claims, std::string> parse_claims(std::string_view text) {
  const auto object = jose::parse_object(text, max_claims_depth);
  if (!object) return std::unexpected("malformed_claims");

  const auto issuer = text_member(*object, "iss");
  const auto subject = text_member(*object, "sub");
  const auto client_id = text_member(*object, "client_id");
  const auto jti = text_member(*object, "jti");
  const auto issued_at = time_member(*object, "iat");
  const auto expires_at = time_member(*object, "exp");
  auto audiences = audiences_of(*object);
  if (!issuer || !subject || !client_id || !jti || !issued_at || !expires_at || audiences.empty()) {
    return std::unexpected("missing_or_mistyped_claim");
  }
  if (object->contains("scope") && !object->at("scope").is_string()) {
    return std::unexpected("missing_or_mistyped_claim");
  }
  return Claims{*issuer,
                *subject,
                *client_id,
                std::move(audiences),
                split(text_member(*object, "scope").value_or("")),
                *issued_at,
                *expires_at,
                *jti};
}

bool is_jti(std::string_view text) {
  return text.size() >= jti_random_digits && text.size() <= max_jti_bytes &&
         std::ranges::all_of(
             text.substr(0, jti_random_digits),
             [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }) &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace grantd::tokens
