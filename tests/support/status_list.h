/// What a verifier does with a status list: fetches it, takes it apart, looks at one bit
/// (draft-ietf-oauth-status-list).
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>

#include "server/jose/base64url.h"
#include "tests/support/inflate.h"
#include "tests/support/test_server.h"

namespace grantd::testing {

/// Where a token's status stands.
struct StatusEntry {
  std::string uri{};
  std::uint64_t index{0};
  auto operator<=>(const StatusEntry&) const = default;
};

/// Of `status.status_list`; throws where the token has none.
inline StatusEntry status_entry(const std::string& token) {
  const json list = decode(token).claims.at("status").at("status_list");
  return {list.at("uri"), list.at("idx")};
}

struct StatusList {
  DecodedToken token{};
  std::string octets{};

  [[nodiscard]] bool is_revoked(std::uint64_t index) const {
    return (static_cast<std::uint8_t>(octets.at(index / 8)) >> (index % 8) & 1U) != 0;
  }
  /// All entries that are.
  [[nodiscard]] std::set<std::uint64_t> revoked() const {
    std::set<std::uint64_t> indexes;
    for (std::uint64_t i = 0; i < octets.size() * 8; ++i) {
      if (is_revoked(i)) indexes.insert(i);
    }
    return indexes;
  }
};

inline StatusList parse_status_list(const std::string& jwt) {
  StatusList list{decode(jwt), {}};
  const auto lst = list.token.claims.at("status_list").at("lst").get<std::string>();
  list.octets = inflate(jose::base64url_decode(lst).value());
  return list;
}

/// The path of one of the server's URIs.
inline std::string path_of(const std::string& uri) {
  return uri.substr(uri.find('/', uri.find("//") + 2));
}

/// Throws where there is none.
inline StatusList fetch_status_list(const TestServer& server, const std::string& uri) {
  const auto response = server.get(path_of(uri));
  if (response.status != 200) throw std::runtime_error("no status list: " + response.body);
  return parse_status_list(response.body);
}

}  // namespace grantd::testing
