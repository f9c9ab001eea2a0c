#include "config/audiences.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "config/codecs.h"

namespace grantd::config {
namespace {

constexpr std::string_view scopes_key = "scopes";
constexpr std::string_view typ_key = "typ";

const Codec<std::string>& typ() {
  static const auto codec = one_of<std::string>({{"at+jwt", "at+jwt"}, {"JWT", "JWT"}});
  return codec;
}

OrderedJson typ_schema() {
  OrderedJson schema = typ().schema;
  schema["default"] = Audience{}.typ;
  return schema;
}

const AudienceMember& member(std::string_view key) {
  return *std::ranges::find(audience_members(), key, &AudienceMember::key);
}

// RFC 8707 §2: an absolute URI; the grammar's absolute-URI has no fragment.
bool is_audience(std::string_view text) {
  return text.size() <= max_audience_characters &&
         boost::urls::parse_absolute_uri(boost::urls::string_view(text.data(), text.size()))
             .has_value();
}

// RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
bool is_scope_token(std::string_view text) {
  return !text.empty() && text.size() <= max_scope_characters &&
         std::ranges::all_of(
             text, [](char c) { return c >= 0x21 && c <= 0x7e && c != '"' && c != '\\'; });
}

std::optional<std::vector<std::string>> read_scopes(const Json& value) {
  if (!value.is_array() || value.size() > max_audience_scopes) return std::nullopt;
  std::vector<std::string> scopes;
  std::set<std::string_view> seen;
  for (const auto& element : value) {
    const auto* text = element.get_ptr<const std::string*>();
    if (text == nullptr || !is_scope_token(*text) || !seen.insert(*text).second) {
      return std::nullopt;
    }
    scopes.push_back(*text);
  }
  return scopes;
}

Audience read_audience(const Json& value, const std::string& label, Faults& faults) {
  Audience audience;
  for (const auto& [key, found] : value.items()) {
    if (key == scopes_key) {
      audience.scopes = read_scopes(found);
      if (!audience.scopes) {
        faults.push_back({label + ".scopes", found_text(found), member(scopes_key).expected});
      }
    } else if (key == typ_key) {
      const auto word = typ().decode(found, {});
      if (!word) faults.push_back({label + ".typ", found_text(found), member(typ_key).expected});
      audience.typ = word.value_or(audience.typ);
    } else {
      faults.push_back({label, "the unknown key " + found_text(key), "\"scopes\" or \"typ\""});
    }
  }
  return audience;
}

}  // namespace

void read_audiences(const Json& value, const std::string& label, Config& config, Faults& faults) {
  if (!value.is_object() || value.size() > max_audiences) {
    faults.push_back({label, found_text(value), audiences_expected()});
    return;
  }
  for (const auto& [uri, audience] : value.items()) {
    const std::string name = child_path(label, uri);
    if (!is_audience(uri))
      faults.push_back({label, "the key " + found_text(uri), audience_expected()});
    if (!audience.is_object()) {
      faults.push_back({name, found_text(audience), R"(an object with "scopes", "typ" or both)"});
      continue;
    }
    config.audiences.insert_or_assign(uri, read_audience(audience, name, faults));
  }
}

OrderedJson write_audiences(const Config& config) {
  OrderedJson audiences = OrderedJson::object();
  for (const auto& [uri, audience] : config.audiences) {
    OrderedJson written = OrderedJson::object();
    if (audience.scopes) written[std::string(scopes_key)] = *audience.scopes;
    written[std::string(typ_key)] = audience.typ;
    audiences[uri] = std::move(written);
  }
  return audiences;
}

const std::vector<AudienceMember>& audience_members() {
  static const std::vector<AudienceMember> table = {
      {std::string(scopes_key),
       "an array of at most " + std::to_string(max_audience_scopes) + " scopes, each at most " +
           std::to_string(max_scope_characters) +
           R"( visible ASCII characters other than " and \, none twice)",
       "any scope",
       "The scopes that the audience takes; an empty array: none.",
       {{"type", "array"},
        {"items",
         {{"type", "string"},
          {"pattern", R"(^[\x21\x23-\x5B\x5D-\x7E]+$)"},
          {"maxLength", max_scope_characters}}},
        {"uniqueItems", true},
        {"maxItems", max_audience_scopes}}},
      {std::string(typ_key), typ().expected, OrderedJson(Audience{}.typ).dump(),
       "The tokens' `typ` header; `JWT` is for verifiers older than RFC 9068.", typ_schema()},
  };
  return table;
}

std::string audience_expected() {
  return "an absolute URI without a fragment, at most " + std::to_string(max_audience_characters) +
         " characters";
}

std::string audiences_expected() {
  return "an object of at most " + std::to_string(max_audiences) + " audiences";
}

OrderedJson audiences_schema() {
  OrderedJson properties = OrderedJson::object();
  for (const auto& each : audience_members()) {
    properties[each.key] = each.schema;
    properties[each.key]["description"] = each.meaning;
  }
  const OrderedJson audience = {
      {"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  return {{"type", "object"},
          {"propertyNames",
           {{"format", "uri"}, {"pattern", "^[^#]+$"}, {"maxLength", max_audience_characters}}},
          {"additionalProperties", audience},
          {"maxProperties", max_audiences}};
}

}  // namespace grantd::config
