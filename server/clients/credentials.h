/// What a request presents to authenticate its client (RFC 6749 §2.3): one file a method.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/base/secret.h"
#include "server/oauth/error.h"
#include "server/oauth/form.h"
#include "storage/records.h"

namespace grantd::clients {

struct PresentedCredentials {
  storage::AuthMethod method{};
  std::string client_id{};
  SecretString secret{};
};

/// RFC 6749 §2.3.1, RFC 7617; client_secret_basic.cpp. `authorization`: the header's value.
/// invalid_client where it is another scheme or malformed.
[[nodiscard]] oauth::Result<PresentedCredentials> client_secret_basic(
    std::string_view authorization);

/// RFC 6749 §2.3.1; client_secret_post.cpp. Nothing where the body holds no client_secret.
[[nodiscard]] oauth::Result<std::optional<PresentedCredentials>> client_secret_post(
    const oauth::Form& form);

}  // namespace grantd::clients
