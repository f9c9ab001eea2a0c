#include "config/audiences.h"

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "config/codecs.h"
#include "server/oauth/audience.h"
#include "server/oauth/extra_claims.h"
#include "server/oauth/scope.h"

namespace grantd::config {
namespace {

using Path = std::filesystem::path;

constexpr auto jwks_file_key = "jwks_file";
constexpr auto alg_key = "alg";

Codec<std::vector<std::string>> scopes() {
  Codec<std::vector<std::string>> codec;
  codec.expected = "an array of at most " + std::to_string(max_audience_scopes) +
                   " scopes, each at most " + std::to_string(oauth::max_scope_token_bytes) +
                   R"( visible ASCII characters other than " and \, none twice)";
  codec.schema = {{"type", "array"},
                  {"items",
                   {{"type", "string"},
                    {"pattern", R"(^[\x21\x23-\x5B\x5D-\x7E]+$)"},
                    {"maxLength", oauth::max_scope_token_bytes}}},
                  {"uniqueItems", true},
                  {"maxItems", max_audience_scopes}};
  codec.decode = [](const Json& value, const Path&) -> std::optional<std::vector<std::string>> {
    if (!value.is_array() || value.size() > max_audience_scopes) return std::nullopt;
    std::vector<std::string> read;
    std::set<std::string_view> seen;
    for (const auto& element : value) {
      const auto* text = element.get_ptr<const std::string*>();
      if (text == nullptr || text->size() > oauth::max_scope_token_bytes ||
          !oauth::is_scope_token(*text) || !seen.insert(*text).second) {
        return std::nullopt;
      }
      read.push_back(*text);
    }
    return read;
  };
  codec.encode = [](const std::vector<std::string>& value) -> OrderedJson { return value; };
  return codec;
}

Codec<std::map<std::string, std::string>> claims() {
  using Claims = std::map<std::string, std::string>;
  Codec<Claims> codec;
  codec.expected = "an object of at most " + std::to_string(oauth::max_extra_claims) +
                   " claims; each " + std::string(oauth::extra_claim_name_expected) +
                   ", its value at most " + std::to_string(oauth::max_claim_value_bytes) +
                   " bytes of JSON";
  codec.schema = {{"type", "object"}, {"maxProperties", oauth::max_extra_claims}};
  codec.decode = [](const Json& value, const Path&) -> std::optional<Claims> {
    if (!value.is_object() || value.size() > oauth::max_extra_claims) return std::nullopt;
    Claims read;
    for (const auto& [name, claim] : value.items()) {
      auto text = claim.dump();
      if (!oauth::is_extra_claim_name(name) || text.size() > oauth::max_claim_value_bytes) {
        return std::nullopt;
      }
      read.emplace(name, std::move(text));
    }
    return read;
  };
  codec.encode = [](const Claims& value) {
    OrderedJson written = OrderedJson::object();
    for (const auto& [name, text] : value) written[name] = OrderedJson::parse(text);
    return written;
  };
  return codec;
}

const Codec<std::string>& encryption_alg() {
  static const auto codec =
      one_of<std::string>({{"RSA-OAEP-256", "RSA-OAEP-256"}, {"ECDH-ES+A256KW", "ECDH-ES+A256KW"}});
  return codec;
}

Codec<Encryption> encryption() {
  Codec<Encryption> codec;
  codec.expected =
      R"(an object with "jwks_file" (a path) and "alg" ()" + encryption_alg().expected + ")";
  codec.schema = {
      {"type", "object"},
      {"properties", {{jwks_file_key, path().schema}, {alg_key, encryption_alg().schema}}},
      {"required", {jwks_file_key, alg_key}},
      {"additionalProperties", false}};
  codec.decode = [](const Json& value, const Path& base) -> std::optional<Encryption> {
    constexpr std::size_t members = 2;
    if (!value.is_object() || value.size() != members || !value.contains(jwks_file_key) ||
        !value.contains(alg_key)) {
      return std::nullopt;
    }
    auto file = path().decode(value.at(jwks_file_key), base);
    auto alg = encryption_alg().decode(value.at(alg_key), base);
    if (!file || !alg) return std::nullopt;
    return Encryption{*std::move(file), *std::move(alg)};
  };
  codec.encode = [](const Encryption& value) {
    OrderedJson written = OrderedJson::object();
    written[jwks_file_key] = value.jwks_file.string();
    written[alg_key] = value.alg;
    return written;
  };
  return codec;
}

/// A member that may be absent: nothing is written then.
template <typename V>
Member<Audience> optional_member(MemberWords words, const Codec<V>& codec,
                                 std::optional<V> Audience::* at) {
  auto made = member<Audience, V>(std::move(words), codec, [at](auto& audience) -> auto& {
    if constexpr (!std::is_const_v<std::remove_reference_t<decltype(audience)>>) {
      if (!(audience.*at)) (audience.*at).emplace();
    }
    return *(audience.*at);
  });
  made.read = [codec, at](const Json& value, const Path& base, Audience& into) {
    into.*at = codec.decode(value, base);
    return (into.*at).has_value();
  };
  made.write = [write = made.write, at](const Audience& from, OrderedJson& object) {
    if (from.*at) write(from, object);
  };
  return made;
}

}  // namespace

bool is_audience(std::string_view text) {
  return text.size() <= max_audience_characters && oauth::is_resource_uri(text);
}

const KeyWords& audience_keys() {
  static const KeyWords words{
      "an absolute URI without a fragment, at most " + std::to_string(max_audience_characters) +
          " characters",
      {{"format", "uri"}, {"pattern", "^[^#]+$"}, {"maxLength", max_audience_characters}},
      is_audience};
  return words;
}

const std::vector<Member<Audience>>& audience_members() {
  static const auto typ = one_of<std::string>({{"at+jwt", "at+jwt"}, {"JWT", "JWT"}});
  static const auto format =
      one_of<TokenFormat>({{"jwt", TokenFormat::jwt}, {"opaque", TokenFormat::opaque}});
  static const std::vector<Member<Audience>> table = {
      optional_member<std::vector<std::string>>(
          {"scopes",
           {},
           "any scope",
           "The scopes that the audience takes; an empty array: none.",
           {}},
          scopes(), &Audience::scopes),
      member<Audience, std::string>(
          {"typ",
           {},
           R"("at+jwt")",
           "The tokens' `typ` header; `JWT` is for verifiers older than RFC 9068.",
           {}},
          typ, [](auto& audience) -> auto& { return audience.typ; }),
      member<Audience, std::map<std::string, std::string>>(
          {"claims", {}, "{}", "Fixed claims of every token for the audience.", {}}, claims(),
          [](auto& audience) -> auto& { return audience.claims; }),
      member<Audience, bool>(
          {"status_list",
           {},
           "false",
           "Whether its tokens carry `status.status_list` (draft-ietf-oauth-status-list).",
           {}},
          boolean(), [](auto& audience) -> auto& { return audience.status_list; }),
      member<Audience, TokenFormat>(
          {"format",
           {},
           R"("jwt")",
           "`opaque`: reference tokens, whose content only introspection and token exchange tell.",
           {}},
          format, [](auto& audience) -> auto& { return audience.format; }),
      optional_member<Encryption>(
          {"encryption",
           {},
           "none",
           "Tokens are encrypted (RFC 7516, A256GCM) to the first usable key of the file.",
           {}},
          encryption(), &Audience::encryption),
  };
  return table;
}

}  // namespace grantd::config
