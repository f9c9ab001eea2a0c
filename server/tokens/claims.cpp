#include "server/tokens/claims.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "server/base/text.h"
#include "server/jose/base64url.h"
#include "server/jose/strict_json.h"

namespace grantd::tokens {
namespace {

using nlohmann::json;

// A chain of max_depth exchanges nests an `act` each time.
constexpr std::size_t max_claims_depth = max_actors + 8;
constexpr std::size_t max_jti_bytes = 128;

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, value);
}

void append_member(std::string& out, std::string_view name, sys_seconds value) {
  out.append(",\"").append(name).append("\":");
  out.append(std::to_string(value.time_since_epoch().count()));
}

void append_json_member(std::string& out, std::string_view name, std::string_view json_text) {
  out.append(",\"").append(name).append("\":").append(json_text);
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

/// `{"status_list":{"idx":…,"uri":"…/status/17"}}`; nothing where it is no reference of ours.
std::optional<StatusReference> status_of(const json& value) {
  const auto* list = value.is_object() && value.contains("status_list")
                         ? value.at("status_list").get_ptr<const json::object_t*>()
                         : nullptr;
  if (list == nullptr || !list->contains("idx") || !list->contains("uri")) return std::nullopt;
  const auto& index = list->at("idx");
  const auto* uri = list->at("uri").get_ptr<const std::string*>();
  if (!index.is_number_unsigned() || uri == nullptr) return std::nullopt;
  StatusReference reference;
  reference.index = index.get<std::uint64_t>();
  const char* const digits = uri->data() + uri->rfind('/') + 1;
  const char* const end = uri->data() + uri->size();
  const auto [rest, error] = std::from_chars(digits, end, reference.list);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return reference;
}

constexpr std::array<std::string_view, 8> plain_members{"iss", "sub", "client_id", "aud",
                                                        "iat", "exp", "jti",       "scope"};

/// What stands behind the claims that every token has.
std::expected<void, std::string> read_further_claims(const json& object, Claims& claims) {
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(plain_members, name) != plain_members.end()) continue;
    if (name == "root_jti") {
      if (!value.is_string()) return std::unexpected("missing_or_mistyped_claim");
      claims.root_jti = value.get<std::string>();
    } else if (name == "exchange_depth") {
      constexpr std::uint64_t most = max_actors;
      if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most) {
        return std::unexpected("missing_or_mistyped_claim");
      }
      claims.exchange_depth = value.get<std::uint32_t>();
    } else if (name == "act") {
      if (!value.is_object()) return std::unexpected("missing_or_mistyped_claim");
      claims.act = value.dump();
    } else if (name == "status") {
      claims.status = status_of(value);
    } else {
      claims.extra.emplace(name, value.dump());
    }
  }
  return {};
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
  append_further_claims(out, claims);
  out += '}';
  return out;
}

void append_further_claims(std::string& out, const Claims& claims) {
  if (!claims.root_jti.empty()) {
    append_member(out, "root_jti", claims.root_jti);
    append_json_member(out, "exchange_depth", std::to_string(claims.exchange_depth));
  }
  if (!claims.act.empty()) append_json_member(out, "act", claims.act);
  if (claims.status) {
    out.append(R"(,"status":{"status_list":{"idx":)").append(std::to_string(claims.status->index));
    append_member(out, "uri", status_list_uri(claims.issuer, claims.status->list));
    out.append("}}");
  }
  for (const auto& [name, value] : claims.extra) {
    out += ',';
    append_json_string(out, name);
    out.append(":").append(value);
  }
}

std::string signing_input(std::string_view kid, std::string_view typ, const Claims& claims) {
  return signing_input_of(kid, typ, claims_json(claims));
}

std::string signing_input_of(std::string_view kid, std::string_view typ, std::string_view payload) {
  std::string header;
  header.append(R"({"alg":"RS256","kid":)");
  append_json_string(header, kid);
  header.append(R"(,"typ":)");
  append_json_string(header, typ);
  header += '}';

  std::string out;
  out.reserve((header.size() + payload.size()) * 4 / 3 + 512);  // and the signature behind it
  jose::append_base64url(out, header);
  out += '.';
  jose::append_base64url(out, payload);
  return out;
}

std::expected<Claims, std::string> parse_claims(std::string_view text) {
  const auto object = jose::parse_object(text, max_claims_depth);
  if (!object) return std::unexpected("malformed_claims");

  const auto* issuer = jose::find_string(*object, "iss");
  const auto* subject = jose::find_string(*object, "sub");
  const auto* client_id = jose::find_string(*object, "client_id");
  const auto* jti = jose::find_string(*object, "jti");
  const auto issued_at = time_member(*object, "iat");
  const auto expires_at = time_member(*object, "exp");
  auto audiences = audiences_of(*object);
  if (issuer == nullptr || subject == nullptr || client_id == nullptr || jti == nullptr ||
      !issued_at || !expires_at || audiences.empty()) {
    return std::unexpected("missing_or_mistyped_claim");
  }
  const auto* scope = jose::find_string(*object, "scope");
  if (scope == nullptr && object->contains("scope")) {
    return std::unexpected("missing_or_mistyped_claim");
  }
  Claims claims;
  claims.issuer = *issuer;
  claims.subject = *subject;
  claims.client_id = *client_id;
  claims.audiences = std::move(audiences);
  if (scope != nullptr) claims.scopes = split(*scope);
  claims.issued_at = *issued_at;
  claims.expires_at = *expires_at;
  claims.jti = *jti;
  if (const auto read = read_further_claims(*object, claims); !read) {
    return std::unexpected(read.error());
  }
  return claims;
}

std::vector<std::string> actors_of(std::string_view act, Actors which) {
  std::vector<std::string> actors;
  if (act.empty()) return actors;
  const auto object = jose::parse_object(act, max_claims_depth);
  if (!object) return actors;
  for (const json* at = &*object; at->is_object() && actors.size() < max_actors;
       at = &at->at("act")) {
    const auto* subject = jose::find_string(*at, "sub");
    const bool wanted = which == Actors::all || !at->contains("iss");
    if (subject != nullptr && wanted) actors.push_back(*subject);
    if (!at->contains("act")) break;
  }
  return actors;
}

std::vector<std::string> principals_of(const Claims& claims) {
  auto principals = actors_of(claims.act, Actors::ours);
  principals.push_back(claims.client_id);
  principals.push_back(claims.subject);
  return principals;
}

std::string status_list_uri(std::string_view issuer, std::uint64_t list) {
  if (issuer.ends_with('/')) issuer.remove_suffix(1);
  return std::string(issuer) + "/status/" + std::to_string(list);
}

bool is_jti(std::string_view text) {
  return text.size() >= jti_random_digits && text.size() <= max_jti_bytes &&
         std::ranges::all_of(
             text.substr(0, jti_random_digits),
             [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }) &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace grantd::tokens
