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

struct Header {
  std::string encoded{};  // what it was read from
  std::string kid{};
  std::string typ{};
};

std::expected<Header, std::string> read_header(std::string_view encoded) {
  const auto text = base64url_decode(encoded);
  if (!text) return std::unexpected("malformed_base64url");
  const auto object = parse_object(*text, max_header_depth);
  if (!object) return std::unexpected("header_" + object.error());
  const std::string* alg = find_string(*object, "alg");
  if (alg == nullptr || *alg != "RS256") return std::unexpected("alg_not_allowed");
  if (object->contains("crit")) return std::unexpected("crit_not_supported");
  if (object->contains("b64")) return std::unexpected("b64_not_supported");
  const std::string* kid = find_string(*object, "kid");
  if (kid == nullptr || kid->empty()) return std::unexpected("kid_missing");
  if (kid->size() > max_kid_bytes) return std::unexpected("kid_too_long");
  Header header{.encoded = std::string(encoded), .kid = *kid};
  if (object->contains("typ")) {
    const std::string* typ = find_string(*object, "typ");
    if (typ == nullptr) return std::unexpected("typ_malformed");
    header.typ = media_type(*typ);
  }
  return header;
}

/// An issuer's headers are the same octets until its key changes: the last sound one of each thread
/// is kept beside what was read out of it.
std::expected<const Header*, std::string> header_of(std::string_view encoded) {
  static thread_local Header last;
  if (last.encoded.empty() || last.encoded != encoded) {
    auto header = read_header(encoded);
    if (!header) return std::unexpected(std::move(header.error()));
    last = std::move(*header);
  }
  return &last;
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

  auto payload = base64url_decode(text.substr(first + 1, second - first - 1));
  auto signature = base64url_decode(text.substr(second + 1));
  if (!payload || !signature) return std::unexpected("malformed_base64url");
  if (signature->empty()) return std::unexpected("signature_missing");
  const auto header = header_of(text.substr(0, first));
  if (!header) return std::unexpected(header.error());

  UnverifiedJws jws;
  jws.kid = (*header)->kid;
  jws.typ = (*header)->typ;
  jws.payload = std::move(*payload);
  jws.signature = std::move(*signature);
  jws.signing_input = text.substr(0, second);
  return jws;
}

}  // namespace grantd::jose
