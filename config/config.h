/// The configuration as validated values (interface.md, "Configuration").
///
/// Built by config::load alone; components take the few values they use, never this struct.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace grantd::config {

enum class LogLevel { debug, info, warn, error };
enum class LogFormat { json, text };

enum class TokenFormat { jwt, opaque };

enum class StorageBackend { sqlite, postgresql };

/// Where the private halves of the signing keys are: PEM files, or wrapped in the database.
enum class KeyStoreKind { directory, database };

/// What makes the signatures.
enum class SignerKind { openssl, multi_buffer };

/// To whom an audience's tokens are encrypted (RFC 7516).
struct Encryption {
  std::filesystem::path jwks_file{};  // resolved
  std::string alg{};                  // "RSA-OAEP-256" or "ECDH-ES+A256KW"
  bool operator==(const Encryption&) const = default;
};

struct Audience {
  std::optional<std::vector<std::string>> scopes{};  // absent: takes any scope
  std::string typ{"at+jwt"};
  std::map<std::string, std::string> claims{};  // name → JSON text
  bool status_list{false};
  TokenFormat format{TokenFormat::jwt};
  std::optional<Encryption> encryption{};
  bool operator==(const Audience&) const = default;
};

/// A foreign issuer whose tokens may be exchanged (RFC 8693).
struct TrustedIssuer {
  std::filesystem::path jwks_file{};  // resolved
  std::string subject_prefix{};       // stands before its subjects in our tokens
  bool operator==(const TrustedIssuer&) const = default;
};

struct Config {
  std::filesystem::path file{};  // where it was read; relative paths were resolved against it

  std::string issuer{};

  struct Listen {
    std::string address{};
    std::uint16_t port{0};
    std::size_t workers{0};  // as written; 0: one per core
    std::filesystem::path certificate_file{};
    std::filesystem::path private_key_file{};
  } listen{};

  struct Ops {
    std::string address{};
    std::uint16_t port{0};
  } ops{};

  struct Storage {
    std::string url{};  // as written
    StorageBackend backend{StorageBackend::sqlite};
    std::filesystem::path sqlite_path{};            // resolved; empty on PostgreSQL
    std::map<std::string, std::string> postgres{};  // libpq's keywords; empty on SQLite
    std::filesystem::path pepper_file{};
    std::filesystem::path password_file{};  // empty: none
    std::size_t connections{0};
    std::chrono::milliseconds connect_timeout{0};
    std::chrono::milliseconds statement_timeout{0};
    std::chrono::seconds offline_grace{0};
  } storage{};

  struct Keys {
    KeyStoreKind store{KeyStoreKind::directory};
    std::filesystem::path directory{};
    std::filesystem::path wrapping_key_file{};  // empty: none
    SignerKind signer{SignerKind::openssl};
    std::optional<std::chrono::seconds> rotate_every{};  // absent: "never"
    std::chrono::seconds publish_before{0};
    std::chrono::seconds jwks_max_age{0};
    std::optional<std::string> signing_key{};  // a kid; absent: "auto"
  } keys{};

  struct Tokens {
    std::chrono::seconds lifetime{0};
    std::chrono::seconds max_lifetime{0};
    std::chrono::seconds clock_skew{0};
    std::size_t warn_size_bytes{0};
    std::size_t max_size_bytes{0};
  } tokens{};

  std::map<std::string, Audience, std::less<>> audiences{};

  struct Exchange {
    std::map<std::string, TrustedIssuer, std::less<>> issuers{};
  } exchange{};

  struct TransactionTokens {
    bool enabled{false};
    std::string trust_domain{};
    std::chrono::seconds lifetime{0};
  } transaction_tokens{};

  struct StatusLists {
    std::chrono::seconds ttl{0};
    std::chrono::seconds window{0};
    std::size_t capacity{0};
    std::size_t block{0};
  } status_lists{};

  struct Metadata {
    bool openid_configuration{false};
  } metadata{};

  struct Limits {
    std::size_t request_body_bytes{0};
    std::size_t request_header_bytes{0};
    std::chrono::milliseconds handshake_timeout{0};
    std::chrono::milliseconds request_timeout{0};
    std::chrono::milliseconds idle_timeout{0};
    std::size_t connections{0};
    std::size_t auth_failures{0};
    std::chrono::milliseconds failure_delay{0};
    std::chrono::milliseconds feed_wait{0};
    std::size_t feed_waiters{0};
    std::size_t feed_entries{0};
    std::chrono::milliseconds staleness{0};
    std::chrono::milliseconds drain{0};
  } limits{};

  struct Log {
    LogLevel level{LogLevel::info};
    LogFormat format{LogFormat::json};
  } log{};
};

}  // namespace grantd::config
