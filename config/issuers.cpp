#include "config/issuers.h"

#include <algorithm>
#include <optional>
#include <string>

#include "config/codecs.h"

namespace grantd::config {
namespace {

bool is_foreign_issuer(std::string_view text) {
  return issuer().decode(std::string(text), {}).has_value();
}

Codec<std::string> subject_prefix() {
  Codec<std::string> codec;
  codec.expected =
      "at most " + std::to_string(max_subject_prefix_characters) + " visible ASCII characters";
  codec.schema = {{"type", "string"}, {"maxLength", max_subject_prefix_characters}};
  codec.decode = [](const Json& value, const std::filesystem::path&) -> std::optional<std::string> {
    const auto* text = value.get_ptr<const std::string*>();
    if (text == nullptr || text->size() > max_subject_prefix_characters ||
        !std::ranges::all_of(*text, [](char c) { return c > ' ' && c < '\x7f'; })) {
      return std::nullopt;
    }
    return *text;
  };
  codec.encode = [](const std::string& value) -> OrderedJson { return value; };
  return codec;
}

}  // namespace

const KeyWords& issuer_keys() {
  static const KeyWords words{issuer().expected, issuer().schema, is_foreign_issuer};
  return words;
}

const std::vector<Member<TrustedIssuer>>& issuer_members() {
  static const std::vector<Member<TrustedIssuer>> table = {
      member<TrustedIssuer, std::filesystem::path>(
          {"jwks_file",
           {},
           "",
           "A file with the issuer's JWKS (RFC 7517 §5), read at the start and at a reload; grantd "
           "itself connects to nobody.",
           {}},
          path(), [](auto& issuer) -> auto& { return issuer.jwks_file; }),
      member<TrustedIssuer, std::string>(
          {"subject_prefix",
           {},
           "",
           "What stands before the issuer's subjects in the `sub` of our tokens, so that none can "
           "pass for a client of ours; `\"\"` where you know that none can.",
           {}},
          subject_prefix(), [](auto& issuer) -> auto& { return issuer.subject_prefix; }),
  };
  return table;
}

}  // namespace grantd::config
