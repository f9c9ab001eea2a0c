// A small sound file, and faults looked up by their path.
#pragma once

#include <algorithm>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace grantd::config::test {

inline constexpr auto file = "/etc/grantd/grantd.json";

inline constexpr std::string_view required_keys =
    R"("issuer": "https://auth.example.com",
       "listen": {"tls": {"certificate_file": "tls/server.crt",
                          "private_key_file": "tls/server.key"}})";

/// The required keys and `members`.
inline std::string with(std::string_view members) {
  return "{" + std::string(required_keys) + (members.empty() ? "" : ", ") + std::string(members) +
         "}";
}

inline std::expected<Config, std::vector<Fault>> read(std::string_view text,
                                                      const Environment& environment = {}) {
  return parse(text, file, environment);
}

inline std::vector<Fault> faults_of(std::string_view text, const Environment& environment = {}) {
  const auto parsed = read(text, environment);
  return parsed ? std::vector<Fault>{} : parsed.error();
}

/// All faults, a line each.
inline std::string described(const std::vector<Fault>& faults) {
  std::string lines;
  for (const auto& fault : faults) lines += describe(fault) + "\n";
  return lines;
}

inline std::optional<Fault> fault_at(const std::vector<Fault>& faults, std::string_view path) {
  const auto found = std::ranges::find(faults, path, &Fault::path);
  if (found == faults.end()) return std::nullopt;
  return *found;
}

}  // namespace grantd::config::test
