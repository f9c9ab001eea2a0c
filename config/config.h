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

struct Audience {
  std::optional<std::vector<std::string>> scopes{};  // absent: takes any scope
  std::string typ{"at+jwt"};
  bool operator==(const Audience&) const = default;
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
    std::string url{};                    // "sqlite:<path>", as written
    std::filesystem::path sqlite_path{};  // resolved
    std::filesystem::path pepper_file{};
  } storage{};

  struct Keys {
    std::filesystem::path directory{};
    std::optional<std::chrono::seconds> rotate_every{};  // absent: "never"
    std::chrono::seconds publish_before{0};
    std::chrono::seconds jwks_max_age{0};
    std::optional<std::string> signing_key{};  // a kid; absent: "auto"
  } keys{};

  struct Tokens {
    std::chrono::seconds lifetime{0};
    std::chrono::seconds max_lifetime{0};
    std::chrono::seconds clock_skew{0};
  } tokens{};

  std::map<std::string, Audience, std::less<>> audiences{};

  struct Limits {
    std::size_t request_body_bytes{0};
    std::size_t request_header_bytes{0};
    std::chrono::milliseconds handshake_timeout{0};
    std::chrono::milliseconds request_timeout{0};
    std::chrono::milliseconds idle_timeout{0};
    std::size_t connections{0};
    std::size_t auth_failures{0};
    std::chrono::milliseconds failure_delay{0};
  } limits{};

  struct Log {
    LogLevel level{LogLevel::info};
    LogFormat format{LogFormat::json};
  } log{};
};

}  // namespace grantd::config
