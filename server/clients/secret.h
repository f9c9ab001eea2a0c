/// Client secrets: made, recognised, checked where they come from elsewhere.
///
/// `gds_<secret id, 12 of a-z0-9>_<43 base64url characters>`: 256 random bits, a prefix that secret
/// scanners find, no character that an HTTP library spoils. There is no slow hash because there is
/// no guessable secret. Pure but for the randomness passed in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/base/random.h"
#include "server/base/secret.h"

namespace grantd::clients {

inline constexpr std::size_t secret_id_length = 12;
inline constexpr std::size_t min_imported_secret_length = 32;
inline constexpr std::size_t max_imported_secret_length = 255;

struct GeneratedSecret {
  std::string secret_id{};
  SecretString text{};
};
[[nodiscard]] GeneratedSecret generate_secret(Random& random);

/// A fresh id for a secret brought from another system.
[[nodiscard]] std::string generate_secret_id(Random& random);

/// The id inside a secret of our own form; nothing for any other text.
[[nodiscard]] std::optional<std::string_view> secret_id_in(std::string_view secret);

[[nodiscard]] bool is_secret_id(std::string_view text);

/// What is wrong with a secret from another system, in words that do not repeat it; nothing where
/// it is 32 to 255 visible ASCII characters. The final newline of a file is not part of it: see
/// without_final_newline.
[[nodiscard]] std::optional<std::string> fault_of_imported_secret(std::string_view secret);
[[nodiscard]] std::string_view without_final_newline(std::string_view text);

}  // namespace grantd::clients
