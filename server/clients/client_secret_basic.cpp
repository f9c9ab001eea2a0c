// RFC 6749 §2.3.1: id and secret are form-encoded before they go into HTTP Basic (RFC 7617). Many
// clients send them raw; one decoding serves both, because no secret of ours holds '%' or '+'.
#include <algorithm>

#include "server/base/text.h"
#include "server/clients/credentials.h"
#include "server/jose/base64url.h"

namespace grantd::clients {
namespace {

constexpr std::string_view scheme = "basic";

oauth::Error malformed(std::string_view reason) {
  return {oauth::ErrorCode::invalid_client, "client authentication failed", std::string(reason)};
}

bool has_scheme(std::string_view authorization) {
  return authorization.size() > scheme.size() && authorization[scheme.size()] == ' ' &&
         equal_ignoring_case(authorization.substr(0, scheme.size()), scheme);
}

}  // namespace

oauth::Result<PresentedCredentials> client_secret_basic(std::string_view authorization) {
  if (!has_scheme(authorization)) return std::unexpected(malformed("unsupported_scheme"));
  auto token = authorization.substr(scheme.size());
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));

  auto decoded = jose::base64_decode(token);
  if (!decoded) return std::unexpected(malformed("malformed_basic"));
  const SecretString pair(std::move(*decoded));
  const auto colon = pair.view().find(':');
  if (colon == std::string_view::npos) return std::unexpected(malformed("malformed_basic"));

  auto id = oauth::form_decode(pair.view().substr(0, colon));
  auto secret = oauth::form_decode(pair.view().substr(colon + 1));
  if (!id || !secret) return std::unexpected(malformed("malformed_basic"));
  return PresentedCredentials{storage::AuthMethod::client_secret_basic, std::move(*id),
                              SecretString(std::move(*secret))};
}

}  // namespace grantd::clients
