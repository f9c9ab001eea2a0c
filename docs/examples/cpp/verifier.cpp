#include "verifier.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace example {
namespace {

using nlohmann::json;

template <auto free>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;

/// Base64url without padding (RFC 7515 §2). Left-over bits must be zero: else one octet string had
/// several texts, and a token with its last character changed would still verify.
std::optional<std::string> decode_base64url(std::string_view text) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  if (text.size() % 4 == 1) return std::nullopt;
  std::string octets;
  octets.reserve(text.size() * 3 / 4);
  unsigned bits = 0;
  int held = 0;
  for (const char character : text) {
    const auto value = alphabet.find(character);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6U | static_cast<unsigned>(value)) & 0xFFFFU;
    held += 6;
    if (held >= 8) {
      held -= 8;
      octets.push_back(static_cast<char>(bits >> held & 0xFFU));
    }
  }
  if ((bits & ((1U << held) - 1U)) != 0) return std::nullopt;
  return octets;
}

std::string text_member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// "application/at+jwt" and "AT+JWT" are the same type (RFC 7515 §4.1.9).
std::string normal_typ(std::string typ) {
  std::ranges::transform(typ, typ.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  constexpr std::string_view prefix = "application/";
  return typ.starts_with(prefix) ? typ.substr(prefix.size()) : typ;
}

bool signature_is_good(EVP_PKEY* key, std::string_view input, std::string_view signature) {
  const auto octets = [](std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());  // OpenSSL's type for octets
  };
  const DigestContext context(EVP_MD_CTX_new());
  // RSA keys take PKCS #1 v1.5 padding unless told otherwise, which is what RS256 means.
  return context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(input),
                          input.size()) == 1;
}

PublicKey rsa_key(const std::string& modulus, const std::string& exponent) {
  const auto number = [](const std::string& octets) {
    return Number(BN_bin2bn(reinterpret_cast<const unsigned char*>(octets.data()),
                            static_cast<int>(octets.size()), nullptr));
  };
  const Number n = number(modulus);
  const Number e = number(exponent);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || BN_num_bits(n.get()) < min_rsa_bits || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  return {key, EVP_PKEY_free};
}

bool has_audience(const json& payload, const std::string& audience) {
  const auto aud = payload.find("aud");
  if (aud == payload.end()) return false;
  return aud->is_array() ? std::ranges::find(*aud, json(audience)) != aud->end() : *aud == audience;
}

bool has_scope(std::string_view scopes, std::string_view wanted) {
  while (!scopes.empty()) {
    const auto end = std::min(scopes.find(' '), scopes.size());
    if (scopes.substr(0, end) == wanted) return true;
    scopes.remove_prefix(std::min(end + 1, scopes.size()));
  }
  return false;
}

/// Nothing where a claim that grantd always writes is missing or has another type.
std::optional<Claims> read_claims(const VerifiedJws& jws) {
  const json& payload = jws.payload;
  const auto iat = payload.find("iat");
  const auto exp = payload.find("exp");
  if (iat == payload.end() || exp == payload.end() || !iat->is_number_integer() ||
      !exp->is_number_integer())
    return std::nullopt;
  Claims claims;
  claims.kid = jws.kid;
  claims.sub = text_member(payload, "sub");
  claims.client_id = text_member(payload, "client_id");
  claims.jti = text_member(payload, "jti");
  claims.root_jti = text_member(payload, "root_jti");
  claims.scope = text_member(payload, "scope");
  claims.iat = iat->get<std::int64_t>();
  claims.exp = exp->get<std::int64_t>();
  if (claims.sub.empty() || claims.client_id.empty() || claims.jti.empty()) return std::nullopt;
  for (const json* chain = &payload; chain->contains("act");) {
    chain = &chain->at("act");
    claims.actors.push_back(chain->is_object() ? text_member(*chain, "sub") : "");
    if (claims.actors.back().empty() || claims.actors.size() > max_actors) return std::nullopt;
  }
  return claims;
}

}  // namespace

std::optional<json> parse_json(std::string_view text) {
  std::vector<std::set<std::string>> open;  // the names seen in each object that is still open
  bool repeated = false;
  const auto watch = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key)
      repeated |= !open.back().insert(parsed.get<std::string>()).second;
    return true;
  };
  json parsed = json::parse(text, watch, /*allow_exceptions=*/false);
  if (parsed.is_discarded() || repeated) return std::nullopt;
  return parsed;
}

std::expected<VerifiedJws, std::string> verify_jws(std::string_view text, std::string_view typ,
                                                   const FindKey& find_key) {
  const auto first = text.find('.');
  const auto last = text.rfind('.');
  if (first == last || text.find('.', first + 1) != last) return std::unexpected("not_three_parts");
  const auto header_text = decode_base64url(text.substr(0, first));
  const auto payload_text = decode_base64url(text.substr(first + 1, last - first - 1));
  const auto signature = decode_base64url(text.substr(last + 1));
  if (!header_text || !payload_text || !signature) return std::unexpected("not_base64url");
  const auto header = parse_json(*header_text);
  if (!header || !header->is_object()) return std::unexpected("bad_header");
  // The algorithm is ours to choose, never the token's: `none`, HS256 and all others end here.
  if (text_member(*header, "alg") != "RS256") return std::unexpected("bad_alg");
  if (header->contains("crit")) return std::unexpected("crit");
  if (normal_typ(text_member(*header, "typ")) != typ) return std::unexpected("bad_typ");
  const std::string kid = text_member(*header, "kid");
  const PublicKey key = kid.empty() ? nullptr : find_key(kid);
  if (!key) return std::unexpected("unknown_kid");
  if (!signature_is_good(key.get(), text.substr(0, last), *signature))
    return std::unexpected("bad_signature");
  auto payload = parse_json(*payload_text);
  if (!payload || !payload->is_object()) return std::unexpected("bad_payload");
  return VerifiedJws{kid, *std::move(payload)};
}

std::optional<KeysByKid> parse_jwk_set(std::string_view text) {
  const auto set = parse_json(text);
  if (!set || !set->is_object() || !set->contains("keys") || !set->at("keys").is_array())
    return std::nullopt;
  KeysByKid keys;
  for (const json& jwk : set->at("keys")) {
    if (!jwk.is_object() || text_member(jwk, "kty") != "RSA") continue;
    if (jwk.contains("use") && text_member(jwk, "use") != "sig") continue;
    if (jwk.contains("alg") && text_member(jwk, "alg") != "RS256") continue;
    const auto modulus = decode_base64url(text_member(jwk, "n"));
    const auto exponent = decode_base64url(text_member(jwk, "e"));
    const std::string kid = text_member(jwk, "kid");
    if (kid.empty() || !modulus || !exponent) continue;
    if (PublicKey key = rsa_key(*modulus, *exponent)) keys.emplace(kid, std::move(key));
  }
  return keys;
}

Verifier::Verifier(std::string issuer, std::string audience, FindKey find_key, IsRevoked is_revoked)
    : issuer_(std::move(issuer)),
      audience_(std::move(audience)),
      find_key_(std::move(find_key)),
      is_revoked_(std::move(is_revoked)) {}

std::expected<Claims, Refusal> Verifier::verify(std::string_view token,
                                                std::string_view required_scope,
                                                std::chrono::system_clock::time_point now) const {
  const auto refuse = [](std::string reason) {
    Refusal refusal;
    refusal.reason = std::move(reason);
    return std::unexpected(std::move(refusal));
  };
  if (token.size() > max_token_bytes) return refuse("too_long");
  const auto jws = verify_jws(token, "at+jwt", find_key_);
  if (!jws) return refuse(jws.error());
  if (text_member(jws->payload, "iss") != issuer_) return refuse("other_issuer");
  if (!has_audience(jws->payload, audience_)) return refuse("other_audience");
  auto claims = read_claims(*jws);
  if (!claims) return refuse("bad_claims");
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (claims->exp <= seconds) return refuse("expired");
  if (is_revoked_(*claims)) return refuse("revoked");
  if (!required_scope.empty() && !has_scope(claims->scope, required_scope))
    return std::unexpected(Refusal{403, "insufficient_scope", "insufficient_scope"});
  return *std::move(claims);
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size()) return std::nullopt;
  for (std::size_t i = 0; i < scheme.size(); ++i)
    if ((authorization[i] | (scheme[i] == ' ' ? 0 : 0x20)) != scheme[i]) return std::nullopt;
  return authorization.substr(scheme.size());
}

}  // namespace example
