/// profile-service: `GET /profiles/{id}` for callers with scope `profiles:read`.
#include <iostream>
#include <nlohmann/json.hpp>

#include "resource_server.h"

namespace example {
namespace {

Response answer(const Request& request, ResourceServer& server) {
  if (auto answered = health(request, server)) return *std::move(answered);
  const auto id = id_in_path(request.path, "/profiles/");
  if (!id) return json_error(404, "not_found");
  if (request.method != "GET") return json_error(405, "method_not_allowed");
  const auto claims = server.check(request, "profiles:read");
  if (!claims) return claims.error();
  Response response;
  response.body = nlohmann::json{{"id", *id},
                                 {"name", "User " + *id},
                                 {"sub", claims->sub},
                                 {"client_id", claims->client_id},
                                 {"actors", claims->actors}}
                      .dump();
  return response;
}

void run() {
  const Settings settings = Settings::from_environment();
  HttpsClient client(settings.ca_file);
  ResourceServer server(settings, client, settings.audience);
  Listen listen;
  listen.address = settings.bind;
  listen.port = settings.port;
  listen.certificate_file = setting("TLS_CERT_FILE");
  listen.key_file = setting("TLS_KEY_FILE");
  serve(listen, [&](const Request& request) { return answer(request, server); });
}

}  // namespace
}  // namespace example

int main() {
  try {
    example::run();
    return 0;
  } catch (const std::exception& fault) {
    std::cerr << "profile-service: " << fault.what() << '\n';
    return 1;
  }
}
