// RFC 6749 §2.3.1: id and secret in the request body.
#include "server/clients/credentials.h"

namespace grantd::clients {

oauth::Result<std::optional<PresentedCredentials>> client_secret_post(const oauth::Form& form) {
  const auto id = form.single("client_id");
  if (!id) return std::unexpected(id.error());
  const auto secret = form.single("client_secret");
  if (!secret) return std::unexpected(secret.error());
  if (!*secret) return std::nullopt;
  return PresentedCredentials{storage::AuthMethod::client_secret_post,
                              std::string(id->value_or(std::string_view())),
                              SecretString(**secret)};
}

}  // namespace grantd::clients
