#include "resource_server.h"

#include <algorithm>

namespace example {

ResourceServer::ResourceServer(const Settings& settings, HttpsClient& client,
                               const std::string& audience)
    : keys_(client, settings.endpoint("/.well-known/jwks.json")),
      feed_(client, [this](const std::string& kid) { return keys_.find(kid); },
            {settings.endpoint("/revocations"), settings.issuer, settings.client_id,
             settings.client_secret_file}),
      verifier_(
          settings.issuer, audience, [this](const std::string& kid) { return keys_.find(kid); },
          [this](const Claims& claims) { return feed_.revocations().revoked(claims); }),
      keys_thread_([this](std::stop_token stop) { keys_.run(stop); }),
      feed_thread_([this](std::stop_token stop) { feed_.run(stop); }) {}

bool ResourceServer::ready() { return keys_.loaded() && feed_.fresh(); }

std::expected<Claims, Response> ResourceServer::check(const Request& request,
                                                      const std::string& scope) {
  const std::string authorization = request.header("authorization");
  const auto token = bearer_token(authorization);
  if (!token) return std::unexpected(refusal(401, "invalid_token"));
  return check_token(*token, scope);
}

std::expected<Claims, Response> ResourceServer::check_token(std::string_view token,
                                                            const std::string& scope) {
  if (!keys_.loaded() || !feed_.loaded())
    return std::unexpected(json_error(503, "temporarily_unavailable"));
  auto claims = verifier_.verify(token, scope, std::chrono::system_clock::now());
  if (claims) return *std::move(claims);
  log_line("token refused: " + claims.error().reason);
  return std::unexpected(refusal(claims.error().status, claims.error().error));
}

std::optional<Response> health(const Request& request, ResourceServer& server) {
  if (request.path != "/healthz") return std::nullopt;
  if (!server.ready()) return json_error(503, "temporarily_unavailable");
  Response response;
  response.body = R"({"status":"ok"})";
  return response;
}

std::optional<std::string> id_in_path(const std::string& path, const std::string& prefix,
                                      const std::string& suffix) {
  constexpr std::size_t max_id_bytes = 64;
  if (!path.starts_with(prefix) || !path.ends_with(suffix) ||
      path.size() <= prefix.size() + suffix.size())
    return std::nullopt;
  std::string id = path.substr(prefix.size(), path.size() - prefix.size() - suffix.size());
  const bool plain = std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (!plain || id.size() > max_id_bytes) return std::nullopt;
  return id;
}

Response refusal(int status, const std::string& error) {
  Response response = json_error(status, error);
  response.headers["www-authenticate"] = "Bearer error=\"" + error + "\"";
  return response;
}

}  // namespace example
