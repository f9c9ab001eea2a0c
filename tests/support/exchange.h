/// What tests of token exchange share: the request, and the clients of a chain of services.
#pragma once

#include <string>

#include "tests/support/test_server.h"

namespace grantd::testing {

inline const std::string users = "https://user.example.com";
inline const std::string profiles = "https://profile.example.com";
inline const std::string audit = "https://audit.example.com";
inline const std::string token_exchange =
    "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
inline const std::string type_of_token = "urn:ietf:params:oauth:token-type:";

/// `caller` calls users' service, which calls profiles', which calls audit's.
inline void add_chain_of_services(TestServer& server) {
  server.add_client("caller", {"--scope", "users:read profiles:read", "--audience", users});
  server.add_client("user-service", {"--serves", users, "--exchange-audience", profiles});
  server.add_client("profile-service", {"--serves", profiles, "--exchange-audience", audit});
  server.add_client("audit-service", {"--serves", audit});
}

inline HttpResponse exchange(const TestServer& server, const std::string& client,
                             const std::string& subject_token, const std::string& more = {},
                             const std::string& type = "access_token") {
  return server.post("/token",
                     token_exchange + "&subject_token=" + form_encode(subject_token) +
                         "&subject_token_type=" + type_of_token + type + more,
                     client);
}

/// The access token; throws where there is none.
inline std::string exchanged(const TestServer& server, const std::string& client,
                             const std::string& subject_token, const std::string& more = {}) {
  const auto response = exchange(server, client, subject_token, more);
  if (response.status != 200) throw std::runtime_error("no token: " + response.body);
  return json::parse(response.body).at("access_token");
}

inline std::string error_of(const HttpResponse& response) {
  return std::to_string(response.status) + " " +
         json::parse(response.body).value("error", std::string());
}

}  // namespace grantd::testing
