#include "server/jose/jws.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "server/base/text.h"
#include "server/jose/base64url.h"
#include "server/jose/strict_json.h"

namespace grantd::jose {
namespace {

constexpr std::size_t max_header_depth = 8;  // a `jwk` or `x5c` inside is passed over
constexpr std::size_t max_kid_bytes = 255;

/// RFC 7515 §4.1.9: "application/" may be left out where no other '/' follows.
std::string media_type(std::string_view typ) {
  constexpr std::string_view prefix = "application/";
  std::string out(typ);
  std::ranges::transform(out, out.begin(), ascii_lower);
  if (out.starts_with(prefix) && out.find('/', prefix.size()) == std::string::npos) {
    out.erase(0, prefix.size());
  }
  return out;
}

/// Fills `kid` and `typ`.
std::expected<void, std::string> read_header(std::string_view text, UnverifiedJws& jws) {
  const auto header = parse_object(text, max_header_depth);
  if (!header) return std::unexpected("header_" + header.error());
  const std::string* alg = find_string(*header, "alg");
  if (alg == nullptr || *alg != "RS256") return std::unexpected("alg_not_allowed");
  if (header->contains("crit")) return std::unexpected("crit_not_supported");
  if (header->contains("b64")) return std::unexpected("b64_not_supported");
  const std::string* kid = find_string(*header, "kid");
  if (kid == nullptr || kid->empty()) return std::unexpected("kid_missing");
  if (kid->size() > max_kid_bytes) return std::unexpected("kid_too_long");
  jws.kid = *kid;
  if (header->contains("typ")) {
    const std::string* typ = find_string(*header, "typ");
    if (typ == nullptr) return std::unexpected("typ_malformed");
    jws.typ = media_type(*typ);
  }
  return {};
}

}  // namespace

std::expected<UnverifiedJws, std::string> parse_compact(std::string_view text) {
  if (text.size() > max_compact_bytes) return std::unexpected("token_too_long");
  const std::size_t first = text.find('.');
  if (first == std::string_view::npos) return std::unexpected("not_three_parts");
  const std::size_t second = text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos) {
    return std::unexpected("not_three_parts");
  }

  const auto header = base64url_decode(text.substr(0, first));
  auto payload = base64url_decode(text.substr(first + 1, second - first - 1));
  auto signature = base64url_decode(text.substr(second + 1));
  if (!header || !payload || !signature) return std::unexpected("malformed_base64url");
  if (signature->empty()) return std::unexpected("signature_missing");

  UnverifiedJws jws;
  if (const auto read = read_header(*header, jws); !read) return std::unexpected(read.error());
  jws.payload = std::move(*payload);
  jws.signature = std::move(*signature);
  jws.signing_input = text.substr(0, second);
  return jws;
}

}  // namespace grantd::jose
