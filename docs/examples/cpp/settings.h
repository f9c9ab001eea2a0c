/// The services' settings: environment variables alone, as docs/examples/README.md lists them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace example {

/// Throws std::runtime_error that names the variable where it is unset or empty.
[[nodiscard]] std::string setting(const char* name);
[[nodiscard]] std::string setting(const char* name, std::string_view otherwise);

struct Settings {
  std::string bind, issuer, ca_file, client_id, client_secret_file, audience;
  std::uint16_t port = 0;

  /// What every role needs.
  static Settings from_environment();
  /// The URL of one of the issuer's endpoints.
  [[nodiscard]] std::string endpoint(std::string_view path) const;
};

/// The file's content without a final newline. Throws std::runtime_error that names the file.
[[nodiscard]] std::string read_file(const std::string& path);

/// One line on stderr. Never given a token or a secret.
void log_line(std::string_view text);

}  // namespace example
