/// What a resource server checks before it believes an access token of grantd's (RFC 9068 §4,
/// RFC 8725), in one file that can be read in one sitting. Pure: keys, revocations and the time
/// come in from outside. A `Verifier` may be used by several threads where its two functions may.
#pragma once

#include <openssl/evp.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace example {

inline constexpr std::size_t max_token_bytes = 16 * 1024;
inline constexpr int min_rsa_bits = 2048;
inline constexpr std::size_t max_actors = 16;

using PublicKey = std::shared_ptr<EVP_PKEY>;
using KeysByKid = std::map<std::string, PublicKey>;
/// Null where no such key is known.
using FindKey = std::function<PublicKey(const std::string& kid)>;

/// A JWS whose signature was checked: only its payload may be believed.
struct VerifiedJws {
  std::string kid;
  nlohmann::json payload;
};

/// Compact serialization, RS256 and nothing else, header `typ` as given, a known `kid`, no `crit`;
/// no repeated members in header or payload. Error: a word for the log.
[[nodiscard]] std::expected<VerifiedJws, std::string> verify_jws(std::string_view text,
                                                                 std::string_view typ,
                                                                 const FindKey& find_key);

/// The RSA signing keys of a JWK set (RFC 7517); what is no usable RS256 key is left out. Nothing
/// where the document is no JWK set.
[[nodiscard]] std::optional<KeysByKid> parse_jwk_set(std::string_view text);

/// JSON without repeated members, which two parsers could read in two ways.
[[nodiscard]] std::optional<nlohmann::json> parse_json(std::string_view text);

/// A verified access token. `root_jti` is empty unless it was derived by token exchange; `actors`
/// are the names in `act`, outermost first.
struct Claims {
  std::string kid, sub, client_id, jti, root_jti, scope;
  std::vector<std::string> actors;
  std::int64_t iat = 0, exp = 0;  // seconds since 1970
};

/// `status` and `error` go to the caller (RFC 6750 §3.1), `reason` to the log only.
struct Refusal {
  int status = 401;
  std::string error = "invalid_token";
  std::string reason;
};

class Verifier {
 public:
  using IsRevoked = std::function<bool(const Claims&)>;

  Verifier(std::string issuer, std::string audience, FindKey find_key, IsRevoked is_revoked);

  /// `required_scope` is one scope, or empty for none. `exp` is taken exactly, without leeway:
  /// grantd writes no `nbf`, so that only clocks that are late, never early, matter.
  [[nodiscard]] std::expected<Claims, Refusal> verify(
      std::string_view token, std::string_view required_scope,
      std::chrono::system_clock::time_point now) const;

 private:
  std::string issuer_, audience_;
  FindKey find_key_;
  IsRevoked is_revoked_;
};

/// The token of `Authorization: Bearer …`; nothing where the header is another or malformed.
[[nodiscard]] std::optional<std::string_view> bearer_token(std::string_view authorization);

}  // namespace example
