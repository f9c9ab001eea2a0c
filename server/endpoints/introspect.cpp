#include "server/endpoints/introspect.h"

#include <algorithm>

#include "server/base/text.h"
#include "server/http/accept.h"
#include "server/oauth/doubt.h"
#include "server/oauth/scope.h"
#include "server/tokens/signing.h"

namespace grantd::endpoints {
namespace {

// RFC 9701 §4, §5.
constexpr std::string_view signed_media_type = "application/token-introspection+jwt";
constexpr std::string_view signed_typ = "token-introspection+jwt";
constexpr std::string_view inactive = R"({"active":false})";

bool serves(const storage::ClientRecord& caller, const tokens::Claims& claims) {
  return std::ranges::any_of(claims.audiences, [&](const auto& audience) {
    return std::ranges::find(caller.serves, audience) != caller.serves.end();
  });
}

void append_number(std::string& body, std::string_view name, sys_seconds value) {
  body.append(",\"").append(name).append("\":");
  body.append(std::to_string(value.time_since_epoch().count()));
}

/// What the client of a handle was told when it got it, and no more: a handle is for clients that
/// must not see the content.
std::string active_for_holder(const tokens::Claims& claims) {
  std::string body = R"({"active":true,"client_id":)";
  append_json_string(body, claims.client_id);
  if (!claims.scopes.empty()) {
    body.append(R"(,"scope":)");
    append_json_string(body, oauth::join_scope(claims.scopes));
  }
  append_number(body, "iat", claims.issued_at);
  append_number(body, "exp", claims.expires_at);
  body.append(R"(,"token_type":"Bearer"})");
  return body;
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
  append_number(body, "iat", claims.issued_at);
  append_number(body, "exp", claims.expires_at);
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
  append_number(claims, "iat", now);
  claims.append(R"(,"token_introspection":)").append(introspection).append("}");
  return claims;
}

bool is_unavailable(const std::expected<tokens::VerifiedToken, tokens::Unresolved>& token) {
  return !token && token.error().why == tokens::Unresolved::Why::unavailable;
}

http::Response response(std::string body, std::string client_id, std::string reason) {
  auto response = uncached(std::move(body), std::move(client_id));
  response.log.reason = std::move(reason);
  return response;
}

}  // namespace

boost::asio::awaitable<http::Response> IntrospectEndpoint::handle(const http::Request& http) const {
  // Here, so that nothing is looked up in vain; once more where all lookups are done.
  if (const auto doubt = with_.freshness.doubts_current(with_.clock.steady())) {
    co_return failure(oauth::must_not_answer(*doubt), std::string());
  }
  auto [request, client_id] =
      co_await authenticated_request(http, with_.authenticator, with_.metrics);
  if (!request) co_return failure(request.error(), std::move(client_id));

  const auto token = token_of(request->form);
  if (!token) co_return failure(token.error(), std::move(client_id));

  const auto resolved = co_await with_.resolver.resolve(*token, floor_seconds(with_.clock.now()));
  if (is_unavailable(resolved)) {
    co_return failure(tokens::unavailable_error(resolved.error()), std::move(client_id));
  }
  if (const auto doubt = with_.freshness.doubts_current(with_.clock.steady())) {
    co_return failure(oauth::must_not_answer(*doubt), std::move(client_id));
  }
  auto found = answer(resolved, request->client->client);
  if (http::asks_for(http.accept, signed_media_type, http::Response().content_type)) {
    co_return co_await signed_answer(std::move(found), std::move(client_id));
  }
  co_return response(std::move(found.body), std::move(client_id), std::move(found.reason));
}

IntrospectEndpoint::Answer IntrospectEndpoint::answer(
    const std::expected<tokens::VerifiedToken, tokens::Unresolved>& token,
    const storage::ClientRecord& caller) const {
  if (!token) return {std::string(inactive), token.error().reason};
  const auto& claims = token->claims();
  // RFC 7662 §4: a caller outside the token's audience learns nothing, not even that it is active.
  const bool sees_all = serves(caller, claims);
  if (!sees_all && claims.client_id != caller.id) {
    return {std::string(inactive), "caller_outside_audience"};
  }
  if (with_.revocations.is_revoked(claims)) return {std::string(inactive), "revoked"};
  if (token->is_reference() && !sees_all) return {active_for_holder(claims), {}};
  return {active(claims), {}};
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
