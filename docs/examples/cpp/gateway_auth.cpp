/// The sidecar that verifies for a gateway: it answers nginx's `auth_request` on a Unix socket.
/// 200 with `X-Auth-Subject`, `X-Auth-Client`, `X-Auth-Scope`, or 401, 403, 503. The gateway says
/// in `X-Required-Scope` what the location needs.
///
/// Where `INNER_AUDIENCE` is set, it also trades: an opaque handle (`gdt_…`), which only says
/// something to grantd, becomes a signed token for that audience, which is verified like any other
/// and returned in `X-Auth-Token` for the services inside to check by themselves.
#include <algorithm>
#include <iostream>

#include "resource_server.h"
#include "token_source.h"

namespace example {
namespace {

class GatewayAuth {
 public:
  explicit GatewayAuth(const Settings& settings)
      : client_(settings.ca_file),
        inner_audience_(setting("INNER_AUDIENCE", "")),
        server_(settings, client_, inner_audience_.empty() ? settings.audience : inner_audience_),
        tokens_(client_, settings.endpoint("/token"), settings.client_id,
                settings.client_secret_file) {}

  Response answer(const Request& request) {
    if (auto answered = health(request, server_)) return *std::move(answered);
    const std::string authorization = request.header("authorization");
    const auto token = bearer_token(authorization);
    if (!token) return refused(401);
    const std::string scope = request.header("x-required-scope");
    if (!token->starts_with("gdt_")) return allowed(server_.check_token(*token, scope), {});
    if (inner_audience_.empty()) return refused(401);
    return trade(std::string(*token), scope);
  }

 private:
  /// The handle is its own key in the cache: 256 random bits, and bounded by the cache's size. A
  /// revoked handle is noticed through the signed token's `root_jti`, which the feed names.
  Response trade(const std::string& handle, const std::string& scope) {
    try {
      const std::string inner =
          cache_.get(handle, [&] { return tokens_.exchange(handle, inner_audience_, ""); });
      return allowed(server_.check_token(inner, scope), inner);
    } catch (const TokenRefused& answer) {
      log_line(std::string("handle refused by grantd: ") + answer.what());
      // All else, as that this client may not exchange, is no fault of the caller's.
      return refused(std::string_view(answer.what()) == "invalid_request" ? 401 : 503);
    } catch (const Unreachable& fault) {
      log_line(fault.what());
      return json_error(503, "temporarily_unavailable");
    }
  }

  /// The status alone: what the client is told is the gateway's affair.
  static Response refused(int status) {
    Response response;
    response.status = status;
    return response;
  }

  /// May stand in a header line. A foreign issuer's `sub` could hold anything, line ends included.
  static bool plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  }

  static Response allowed(const std::expected<Claims, Response>& claims, const std::string& inner) {
    if (!claims) return refused(claims.error().status);
    if (!plain(claims->sub) || !plain(claims->client_id) || !plain(claims->scope))
      return refused(401);
    Response response;
    response.headers = {{"x-auth-subject", claims->sub},
                        {"x-auth-client", claims->client_id},
                        {"x-auth-scope", claims->scope}};
    if (!inner.empty()) response.headers["x-auth-token"] = inner;
    return response;
  }

  HttpsClient client_;
  std::string inner_audience_;
  ResourceServer server_;
  TokenEndpoint tokens_;
  TokenCache cache_;
};

void run() {
  const Settings settings = Settings::from_environment();
  GatewayAuth gateway(settings);
  Listen listen;
  listen.unix_path = setting("SOCKET");
  serve(listen, [&](const Request& request) { return gateway.answer(request); });
}

}  // namespace
}  // namespace example

int main() {
  try {
    example::run();
    return 0;
  } catch (const std::exception& fault) {
    std::cerr << "gateway-auth: " << fault.what() << '\n';
    return 1;
  }
}
