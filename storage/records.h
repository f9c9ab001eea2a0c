/// What is stored, as plain values. Times are UTC, whole seconds. An absent value is an empty
/// optional, never a magic zero.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/clock.h"

namespace grantd::storage {

/// RFC 6749 §2.3; the names are those of RFC 7591 §2.
enum class AuthMethod { client_secret_basic, client_secret_post };

[[nodiscard]] constexpr std::string_view name(AuthMethod method) {
  switch (method) {
    case AuthMethod::client_secret_basic:
      return "client_secret_basic";
    case AuthMethod::client_secret_post:
      return "client_secret_post";
  }
  std::unreachable();
}

/// How a client's access tokens look: a JWT, or a handle that only grantd can read.
enum class TokenFormat { jwt, opaque };

[[nodiscard]] constexpr std::string_view name(TokenFormat format) {
  switch (format) {
    case TokenFormat::jwt:
      return "jwt";
    case TokenFormat::opaque:
      return "opaque";
  }
  std::unreachable();
}

/// RFC 8693 §1.1: whether the new token names who acts, or looks like the subject's own.
enum class ExchangeMode { delegation, impersonation };

[[nodiscard]] constexpr std::string_view name(ExchangeMode mode) {
  switch (mode) {
    case ExchangeMode::delegation:
      return "delegation";
    case ExchangeMode::impersonation:
      return "impersonation";
  }
  std::unreachable();
}

/// What a client may make of a token that it was called with (RFC 8693).
struct ExchangePolicy {
  std::vector<std::string> audiences{};  // into which; empty: it may not exchange
  std::vector<std::string> scopes{};     // at most; empty: any that the subject token has
  std::vector<std::string> issuers{};    // foreign ones, besides grantd itself
  std::uint32_t max_depth{3};            // exchanges in a chain
  ExchangeMode mode{ExchangeMode::delegation};
  bool operator==(const ExchangePolicy&) const = default;
};

/// HMAC-SHA-256 of a client secret under a pepper; SHA-256 of a handle.
using Digest = std::array<std::uint8_t, 32>;

struct SecretRecord {
  std::string secret_id{};  // 12 of a-z0-9, unique in the database
  std::string label{};
  std::string pepper_id{};  // names the pepper line that made the digest
  Digest digest{};
  /// Brought with --from-file: the presented text does not carry the secret id.
  bool imported{false};
  sys_seconds created_at{};
  std::optional<sys_seconds> expires_at{};
  std::optional<sys_seconds> last_used_at{};
};

struct ClientRecord {
  std::string id{};
  std::string name{};
  AuthMethod auth_method{AuthMethod::client_secret_basic};
  std::vector<std::string> scopes{};             // in the order they were registered
  std::vector<std::string> audiences{};          // may ask for
  std::vector<std::string> default_audiences{};  // a subset of audiences
  std::vector<std::string> serves{};             // resources whose tokens it may introspect
  std::optional<std::chrono::seconds> token_lifetime{};
  TokenFormat token_format{TokenFormat::jwt};
  std::map<std::string, std::string> claims{};  // fixed extra claims: name → JSON text
  ExchangePolicy exchange{};
  bool enabled{true};
  sys_seconds created_at{};
  sys_seconds updated_at{};
};

/// A client as the authenticator needs it.
struct ClientWithSecrets {
  ClientRecord client{};
  std::vector<SecretRecord> secrets{};  // at most max_secrets_per_client
};

inline constexpr std::size_t max_secrets_per_client = 10;

/// A revoked token. `expires_at` is when the entry may go (`exp` + clock_skew).
struct Revocation {
  std::string jti{};
  sys_seconds expires_at{};
};

/// Tokens with `iat` ≤ `at` are inactive: of one client, or of all (`client_id` empty).
struct NotBefore {
  std::string client_id{};
  sys_seconds at{};
  sys_seconds expires_at{};  // when every such token has expired
};

/// A list of token statuses, of tokens that expire within one window
/// (draft-ietf-oauth-status-list).
struct StatusList {
  std::uint64_t id{0};          // ascending, never given twice
  sys_seconds expires_at{};     // the end of the window: its last token has expired
  std::uint32_t capacity{0};    // indexes it can hold
  std::uint32_t next_index{0};  // everything below was reserved
  bool operator==(const StatusList&) const = default;
};

/// Indexes `first` to `list.next_index` - 1 of `list`, which nobody else has. Never empty.
struct StatusBlock {
  StatusList list{};
  std::uint32_t first{0};
};

/// What an opaque access token stands for. Its handle is stored nowhere.
struct ReferenceToken {
  Digest digest{};       // SHA-256 of the handle
  std::string typ{};     // which the JWT in its place would have
  std::string claims{};  // JSON
  sys_seconds expires_at{};
  bool operator==(const ReferenceToken&) const = default;
};

/// Who brought a key decides when it signs (interface.md, "Signing keys").
enum class KeyOrigin { standby, operator_brought };

struct KeyRecord {
  std::string kid{};         // RFC 7638 thumbprint
  std::string public_jwk{};  // the public half, as it stands in the JWKS
  KeyOrigin origin{KeyOrigin::standby};
  sys_seconds published_at{};
  sys_seconds signs_from{};                    // earliest
  std::optional<sys_seconds> signing_since{};  // when it really began
  std::optional<sys_seconds> rotates_at{};     // when its successor is due; fixed when it began
  std::optional<sys_seconds> retires_at{};     // when its successor began
  std::optional<sys_seconds> removed_at{};     // when it leaves the JWKS
  std::chrono::seconds max_lifetime{0};        // greatest tokens.max_lifetime while it signed
  bool compromised{false};                     // retired with --now: never again
  bool operator==(const KeyRecord&) const = default;
};

enum class ChangeKind {
  client_created,
  client_updated,
  client_disabled,  // its not-before moved too
  client_enabled,
  client_deleted,  // its not-before moved too
  secret_added,
  secret_removed,
  token_revoked,   // id: the jti
  client_revoked,  // id: the client's; its not-before moved
  all_revoked,     // id: empty; the not-before of all moved
  key_published,
  key_signing,
  key_retired,
  key_compromised,
  key_changed,  // any other change of a key's times
};

/// One row of the table `change`; `seq` is in commit order.
struct Change {
  std::int64_t seq{0};
  ChangeKind kind{};
  std::string id{};  // a secret's: client id, '/', secret id
  sys_seconds at{};
  std::string actor{};  // "operator:NAME", "client:ID", "server"
};

}  // namespace grantd::storage
