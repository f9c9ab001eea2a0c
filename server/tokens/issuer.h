/// Issues access tokens: JWTs (RFC 9068), encrypted where their reader wants that (RFC 7516), for
/// which nothing is written to storage, and handles that stand for the same claims, for which one
/// row is. Thread-safe.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/base/snapshot.h"
#include "server/jose/encryption_key.h"
#include "server/keys/key_set.h"
#include "server/keys/signer.h"
#include "server/oauth/audience.h"
#include "server/oauth/error.h"
#include "server/tokens/claims.h"
#include "server/tokens/reference_tokens.h"
#include "server/tokens/status_indexes.h"

namespace grantd::tokens {

/// By audience: to whom its tokens are encrypted.
using EncryptionKeys =
    std::map<std::string, std::shared_ptr<const jose::EncryptionKey>, std::less<>>;

/// What a grant has decided.
struct TokenSpec {
  std::string subject{};
  std::string client_id{};
  oauth::Granted granted{};
  std::chrono::seconds lifetime{0};
  oauth::ExtraClaims extra{};  // all others: the audiences' and the client's fixed ones, `txn`, …
  // Of a token that comes out of an exchange; see Claims.
  std::string root_jti{};
  std::uint32_t exchange_depth{0};
  std::string act{};
  /// To whom the token is encrypted; null: to nobody. A handle is not, it has no content.
  std::shared_ptr<const jose::EncryptionKey> reader{};
  std::size_t max_bytes{0};  // a larger token is not issued, nor a handle for larger claims
  /// Whether it gets an entry of a status list, also where its audiences ask for none.
  bool status_entry{false};
};

struct IssuedToken {
  std::string access_token{};
  std::chrono::seconds expires_in{0};
  std::string scope{};  // empty where the token has none
  std::string_view token_type{"Bearer"};
  std::string_view issued_token_type{};  // of an exchange alone (RFC 8693 §2.2.1)
  /// For the log: whose call it is, the subject first, and the first token's jti.
  std::string chain{};
  std::string root_jti{};
};

class Issuer {
 public:
  /// `issuer`: `iss`, byte for byte. The references outlive the object.
  Issuer(std::string issuer, const Snapshot<keys::KeySet>& keys, keys::Signer& signer,
         ReferenceTokens& references, StatusIndexes& status_indexes, Random& random);

  /// Errors: temporarily_unavailable where no key may sign, a handle cannot be stored, or an
  /// audience asks for a status and no entry can be had; server_error where signing failed;
  /// invalid_request where the token would be larger than allowed.
  boost::asio::awaitable<oauth::Result<IssuedToken>> issue(TokenSpec spec, WallTime now) const;

 private:
  boost::asio::awaitable<bool> give_status(Claims& claims, bool asked_for) const;
  /// What the client gets for these claims, which are JSON. The references live until it resumes.
  [[nodiscard]] boost::asio::awaitable<oauth::Result<std::string>> make(
      const TokenSpec& spec, const keys::KeySet& keys, std::string claims,
      sys_seconds expires_at) const;

  const std::string issuer_;
  const Snapshot<keys::KeySet>& keys_;
  keys::Signer& signer_;
  ReferenceTokens& references_;
  StatusIndexes& status_indexes_;
  Random& random_;
};

}  // namespace grantd::tokens
