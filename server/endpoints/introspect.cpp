#include "server/endpoints/introspect.h"

#include <algorithm>

#include "server/base/text.h"
#include "server/http/accept.h"
#include "server/oauth/scope.h"
#include "server/tokens/signing.h"
#include "server/tokens/verifier.h"

namespace grantd::endpoints {
namespace {

// RFC 9701 §4, §5.
constexpr std::string_view signed_media_type = "application/token-introspection+jwt";
constexpr std::string_view signed_typ = "token-introspection+jwt";
constexpr std::string_view inactive = R"({"active":false})";

/// RFC 7662 §4: a caller outside the token's audience learns nothing, not even that it is active.
bool may_see(const storage::ClientRecord& caller, const tokens::Claims& claims) {
  return claims.client_id == caller.id ||
         std::ranges::any_of(claims.audiences, [&](const auto& audience) {
           return std::ranges::find(caller.serves, audience) != caller.serves.end();
         });
}

std::string active(const tokens::Claims& claims) {
  std::string body = R"({"active":true,"iss":)";
  append_json_string(body, claims.issuer);
  body.append(R"(,"sub":)");
  append_json_string(body, claims.subject);
  body.append(R"(,"client_id":)");
  append_json_string(body, claims.client_id);
  body.append(R"(,"aud":)");
  tokens::append_audience(body, claims.audiences);
  if (!claims.scopes.empty()) {
    body.append(R"(,"scope":)");
    append_json_string(body, oauth::join_scope(claims.scopes));
  }
  body.append(R"(,"iat":)").append(std::to_string(claims.issued_at.time_since_epoch().count()));
  body.append(R"(,"exp":)").append(std::to_string(claims.expires_at.time_since_epoch().count()));
  body.append(R"(,"jti":)");
  append_json_string(body, claims.jti);
  tokens::append_further_claims(body, claims);
  body.append(R"(,"token_type":"Bearer"})");
  return body;
}

/// RFC 9701 §5: for the caller alone, and without `sub` and `exp` of its own, so that it can never
/// pass for an access token.
std::string statement(std::string_view issuer, std::string_view caller, sys_seconds now,
                      std::string_view introspection) {
  std::string claims = R"({"iss":)";
  append_json_string(claims, issuer);
  claims.append(R"(,"aud":)");
  append_json_string(claims, caller);
  claims.append(R"(,"iat":)").append(std::to_string(now.time_since_epoch().count()));
  claims.append(R"(,"token_introspection":)").append(introspection).append("}");
  return claims;
}

http::Response response(std::string body, std::string client_id, std::string reason) {
  auto response = uncached(std::move(body), std::move(client_id));
  response.log.reason = std::move(reason);
  return response;
}

}  // namespace

boost::asio::awaitable<http::Response> IntrospectEndpoint::handle(const http::Request& http) const {
  auto [request, client_id] =
      co_await authenticated_request(http, with_.authenticator, with_.metrics);
  if (!request) co_return failure(request.error(), std::move(client_id));

  const auto token = token_of(request->form);
  if (!token) co_return failure(token.error(), std::move(client_id));

  auto found = answer(*token, request->client->client);
  if (http::asks_for(http.accept, signed_media_type, http::Response().content_type)) {
    co_return co_await signed_answer(std::move(found), std::move(client_id));
  }
  co_return response(std::move(found.body), std::move(client_id), std::move(found.reason));
}

IntrospectEndpoint::Answer IntrospectEndpoint::answer(std::string_view token,
                                                      const storage::ClientRecord& caller) const {
  const auto now = floor_seconds(with_.clock.now());
  const auto verified = tokens::verify(token, *with_.keys.get(), with_.issuer, now);
  if (!verified) return {std::string(inactive), verified.error()};
  if (!may_see(caller, verified->claims())) {
    return {std::string(inactive), "caller_outside_audience"};
  }
  if (with_.revocations.is_revoked(verified->claims())) return {std::string(inactive), "revoked"};
  return {active(verified->claims()), {}};
}

boost::asio::awaitable<http::Response> IntrospectEndpoint::signed_answer(
    Answer answer, std::string client_id) const {
  const auto keys = with_.keys.get();
  auto claims = statement(with_.issuer, client_id, floor_seconds(with_.clock.now()), answer.body);
  auto jws = co_await tokens::sign_compact(*keys, with_.signer, signed_typ, std::move(claims));
  if (!jws) co_return failure(jws.error(), std::move(client_id));
  auto signed_response = response(std::move(*jws), std::move(client_id), std::move(answer.reason));
  signed_response.content_type = signed_media_type;
  co_return signed_response;
}

}  // namespace grantd::endpoints
