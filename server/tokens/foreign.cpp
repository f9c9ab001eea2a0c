#include "server/tokens/foreign.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "server/jose/jws.h"
#include "server/jose/mac.h"
#include "server/jose/strict_json.h"

namespace grantd::tokens {
namespace {

using nlohmann::json;

constexpr std::size_t max_depth = 16;
constexpr std::size_t max_subject_bytes = 1024;

/// Whether a key of a JWKS is one for RS256 signatures (RFC 7517 §4).
bool is_signature_key(const json& key) {
  if (!key.is_object()) return false;
  const auto* kty = jose::find_string(key, "kty");
  const auto* use = jose::find_string(key, "use");
  const auto* alg = jose::find_string(key, "alg");
  const auto* kid = jose::find_string(key, "kid");
  return kty != nullptr && *kty == "RSA" && (use == nullptr || *use == "sig") &&
         (alg == nullptr || *alg == "RS256") && kid != nullptr && !kid->empty();
}

std::optional<sys_seconds> numeric_date(const json& claims, const char* name) {
  const auto found = claims.find(name);
  constexpr double year_9999 = 253402300799;
  // RFC 7519 §2: a NumericDate may have a fraction.
  if (found == claims.end() || !found->is_number() || found->get<double>() < 0 ||
      found->get<double>() > year_9999) {
    return std::nullopt;
  }
  return sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(found->get<double>())));
}

std::string text_or_empty(const json& claims, const char* name) {
  const auto* text = jose::find_string(claims, name);
  return text == nullptr ? std::string() : *text;
}

/// Strings of an array, or one string; nothing else.
std::vector<std::string> strings(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return {};
  if (found->is_string()) return {found->get<std::string>()};
  std::vector<std::string> all;
  if (!found->is_array()) return all;
  for (const auto& each : *found) {
    if (each.is_string()) all.push_back(each.get<std::string>());
  }
  return all;
}

std::vector<std::string> scopes_of(const json& claims) {
  std::vector<std::string> scopes;
  // RFC 9068 §2.2.3 has `scope`; some issuers write a list into `scp`.
  for (const auto& text : strings(claims, claims.contains("scope") ? "scope" : "scp")) {
    std::string_view rest = text;
    while (!rest.empty()) {
      const auto end = std::min(rest.find(' '), rest.size());
      if (end > 0) scopes.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return scopes;
}

/// Else an actor's `sub` could pass for a client of ours (RFC 8693 §4.1 has `iss` beside it). What
/// stands there already may be our own name: the issuer that vouches for the actor is this one.
void mark_actors(json& actor, const std::string& issuer) {
  for (json* at = &actor; at->is_object(); at = &at->at("act")) {
    (*at)["iss"] = issuer;
    if (!at->contains("act")) return;
  }
}

/// 32 hex digits that name the token: of its issuer and `jti`, or of the whole where it has none.
std::string name_of(const std::string& issuer, const std::string& jti, std::string_view token) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto digest = jose::sha256(issuer + "\n" + (jti.empty() ? std::string(token) : jti));
  std::string hex;
  for (std::size_t i = 0; i < jti_random_digits / 2; ++i) {
    hex += digits[digest[i] >> 4U];
    hex += digits[digest[i] & 15U];
  }
  return hex;
}

std::expected<void, std::string> check_times(const json& object, Claims& claims, sys_seconds now,
                                             const ForeignTimes& times) {
  const auto expires_at = numeric_date(object, "exp");
  if (!expires_at) return std::unexpected("missing_or_mistyped_claim");
  claims.expires_at = *expires_at;
  if (now >= claims.expires_at) return std::unexpected("expired");
  const auto latest = now + times.skew;
  const auto not_before = numeric_date(object, "nbf");
  if (object.contains("nbf") && (!not_before || *not_before > latest)) {
    return std::unexpected("not_valid_yet");
  }
  const auto issued_at = numeric_date(object, "iat");
  if (!issued_at) return std::unexpected("missing_or_mistyped_claim");
  if (*issued_at > latest) return std::unexpected("not_valid_yet");
  claims.issued_at = *issued_at;
  if (now > claims.issued_at + times.max_age) return std::unexpected("too_old");
  return {};
}

std::expected<Claims, std::string> claims_of(json& object, const ForeignIssuer& issuer,
                                             std::string_view token, sys_seconds now,
                                             const ForeignTimes& times) {
  Claims claims;
  claims.issuer = text_or_empty(object, "iss");
  const auto subject = text_or_empty(object, "sub");
  claims.audiences = strings(object, "aud");
  if (subject.empty() || subject.size() > max_subject_bytes || claims.audiences.empty()) {
    return std::unexpected("missing_or_mistyped_claim");
  }
  claims.subject = issuer.subject_prefix + subject;
  claims.scopes = scopes_of(object);
  claims.jti = name_of(claims.issuer, text_or_empty(object, "jti"), token);
  if (const auto checked = check_times(object, claims, now, times); !checked) {
    return std::unexpected(checked.error());
  }
  if (object.contains("act")) {
    if (!object.at("act").is_object()) return std::unexpected("missing_or_mistyped_claim");
    mark_actors(object.at("act"), claims.issuer);
    claims.act = object.at("act").dump();
  }
  if (object.contains("may_act")) claims.extra.emplace("may_act", object.at("may_act").dump());
  return claims;
}

}  // namespace

std::expected<ForeignKeys, std::string> parse_jwks(std::string_view text) {
  if (text.size() > max_jwks_bytes) {
    return std::unexpected("found " + std::to_string(text.size()) + " bytes, expected at most " +
                           std::to_string(max_jwks_bytes));
  }
  const auto set = jose::parse_object(text, max_depth);
  if (!set || !set->contains("keys") || !set->at("keys").is_array()) {
    return std::unexpected(R"(found no JWKS, expected {"keys": [...]} (RFC 7517 section 5))");
  }
  ForeignKeys keys;
  for (const auto& each : set->at("keys")) {
    if (!is_signature_key(each)) continue;
    const auto& kid = *jose::find_string(each, "kid");
    auto key = jose::RsaPublicKey::from_jwk(each.dump());
    if (!key) return std::unexpected("a key of it: " + key.error());
    if (!keys.emplace(kid, std::move(*key)).second) {
      return std::unexpected("found two keys of one kid");
    }
    if (keys.size() > max_foreign_keys) {
      return std::unexpected("found more than " + std::to_string(max_foreign_keys) + " keys");
    }
  }
  if (keys.empty()) {
    return std::unexpected("found no RSA key for signatures with a kid, expected at least one");
  }
  return keys;
}

std::string issuer_of(std::string_view token) {
  const auto jws = jose::parse_compact(token);
  if (!jws) return {};
  const auto claims = jose::parse_object(jws->payload, max_depth);
  return claims ? text_or_empty(*claims, "iss") : std::string();
}

std::expected<Claims, std::string> verify_foreign(std::string_view token,
                                                  const ForeignIssuers& issuers, sys_seconds now,
                                                  const ForeignTimes& times) {
  const auto jws = jose::parse_compact(token);
  if (!jws) return std::unexpected(jws.error());
  constexpr std::array<std::string_view, 3> access_token_types{"at+jwt", "jwt", ""};
  if (std::ranges::find(access_token_types, jws->typ) == access_token_types.end()) {
    return std::unexpected("wrong_typ");
  }
  auto object = jose::parse_object(jws->payload, max_depth);
  if (!object) return std::unexpected("malformed_claims");
  const auto issuer = issuers.find(text_or_empty(*object, "iss"));
  if (issuer == issuers.end()) return std::unexpected("issuer_not_trusted");
  const auto key = issuer->second.keys.find(jws->kid);
  if (key == issuer->second.keys.end()) return std::unexpected("unknown_kid");
  if (!key->second->verify_rs256(jws->signing_input, jws->signature)) {
    return std::unexpected("bad_signature");
  }
  return claims_of(*object, issuer->second, token, now, times);
}

}  // namespace grantd::tokens
