/// user-service: `GET /users/{id}` calls profile-service on behalf of its caller, with a token
/// exchanged from the caller's; `GET /users/{id}/summary` calls it in its own name.
#include <openssl/evp.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "resource_server.h"
#include "token_source.h"

namespace example {
namespace {

/// The key under which a caller's exchanged token is cached: a digest, so that the cache does not
/// keep callers' tokens.
std::string digest(const std::string& text) {
  std::string octets(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(octets.data()), &size,
                 EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("SHA-256 failed");
  octets.resize(size);
  return octets;
}

class UserService {
 public:
  explicit UserService(const Settings& settings)
      : client_(settings.ca_file),
        server_(settings, client_, settings.audience),
        tokens_(client_, settings.endpoint("/token"), settings.client_id,
                settings.client_secret_file),
        profile_url_(setting("PROFILE_URL")),
        profile_audience_(setting("PROFILE_AUDIENCE")) {}

  Response answer(const Request& request) {
    if (auto answered = health(request, server_)) return *std::move(answered);
    const auto summary = id_in_path(request.path, "/users/", "/summary");
    const auto id = summary ? summary : id_in_path(request.path, "/users/");
    if (!id) return json_error(404, "not_found");
    if (request.method != "GET") return json_error(405, "method_not_allowed");
    const auto claims = server_.check(request, "users:read");
    if (!claims) return claims.error();
    if (summary)
      return profile(*id, "client_credentials", "own",
                     [&] { return tokens_.client_credentials(profile_audience_, scope_); });
    const std::string caller(*bearer_token(request.header("authorization")));
    return profile(*id, "exchange", digest(caller),
                   [&] { return tokens_.exchange(caller, profile_audience_, scope_); });
  }

 private:
  /// Asks profile-service with the token under `key`. A token that it refuses is dropped, and one
  /// more try is made with a fresh one: it may have been revoked since it was cached.
  Response profile(const std::string& id, const std::string& via, const std::string& key,
                   const TokenCache::Fetch& fetch) {
    try {
      Answer got = call(id, cache_.get(key, fetch), key);
      if (got.status == 401) got = call(id, cache_.get(key, fetch), key);
      if (got.status == 404) return json_error(404, "not_found");
      const auto document = got.status == 200 ? parse_json(got.body) : std::nullopt;
      if (!document) {
        log_line("profile-service answered " + std::to_string(got.status));
        return json_error(got.status == 503 ? 503 : 502, "profile_service_failed");
      }
      Response response;
      response.body = nlohmann::json{{"id", id}, {"via", via}, {"profile", *document}}.dump();
      return response;
    } catch (const TokenRefused& refused) {
      log_line(std::string("token refused by grantd: ") + refused.what());
      // The caller's token was valid here and is not there: revoked a moment ago, or expired.
      if (std::string_view(refused.what()) == "invalid_request")
        return refusal(401, "invalid_token");
      return json_error(502, "token_refused");
    } catch (const Unreachable& fault) {
      log_line(fault.what());
      return json_error(fault.timed_out ? 504 : 503, "temporarily_unavailable");
    }
  }

  Answer call(const std::string& id, const std::string& token, const std::string& key) {
    Call profile;
    profile.url = profile_url_ + "/profiles/" + id;
    profile.headers["authorization"] = "Bearer " + token;
    Answer got = client_.send(profile);
    if (got.status == 401) cache_.drop(key, token);
    return got;
  }

  const std::string scope_ = "profiles:read";
  HttpsClient client_;
  ResourceServer server_;
  TokenEndpoint tokens_;
  TokenCache cache_;
  std::string profile_url_, profile_audience_;
};

void run() {
  const Settings settings = Settings::from_environment();
  UserService service(settings);
  Listen listen;
  listen.address = settings.bind;
  listen.port = settings.port;
  listen.certificate_file = setting("TLS_CERT_FILE");
  listen.key_file = setting("TLS_KEY_FILE");
  serve(listen, [&](const Request& request) { return service.answer(request); });
}

}  // namespace
}  // namespace example

int main() {
  try {
    example::run();
    return 0;
  } catch (const std::exception& fault) {
    std::cerr << "user-service: " << fault.what() << '\n';
    return 1;
  }
}
