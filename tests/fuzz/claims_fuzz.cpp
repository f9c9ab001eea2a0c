// The claims of a token: what can be read can be written and reads back as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/jose/base64url.h"
#include "server/tokens/claims.h"
#include "server/tokens/revocations.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace grantd;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto claims = tokens::parse_claims(text);
  if (!claims) return 0;
  const auto input = tokens::signing_input("kid", "at+jwt", *claims);
  const auto payload = jose::base64url_decode(std::string_view(input).substr(input.find('.') + 1));
  const auto again = tokens::parse_claims(payload.value());
  if (!again || again->jti != claims->jti || again->client_id != claims->client_id ||
      again->audiences != claims->audiences || again->expires_at != claims->expires_at) {
    std::abort();
  }
  tokens::Revocations revocations;
  revocations.revoke(claims->jti, claims->expires_at);
  if (!revocations.is_revoked(*claims)) std::abort();
  return 0;
}
