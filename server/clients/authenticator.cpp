#include "server/clients/authenticator.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/clients/registration.h"
#include "server/clients/secret.h"
#include "server/jose/mac.h"

namespace grantd::clients {
namespace {

namespace asio = boost::asio;
using oauth::Error;
using oauth::ErrorCode;

// One description for all failures: what was wrong is for the log alone.
Error denied(std::string_view reason) {
  return {ErrorCode::invalid_client, "client authentication failed", std::string(reason)};
}

/// Which of the methods the request uses; more than one is invalid_request (RFC 6749 §2.3).
oauth::Result<PresentedCredentials> present(const AuthenticationRequest& request) {
  auto post = client_secret_post(request.form);
  if (!post) return std::unexpected(post.error());
  const bool assertion =
      request.form.has("client_assertion") || request.form.has("client_assertion_type");
  const int methods = int{request.has_authorization} + int{post->has_value()} + int{assertion};
  if (methods > 1) {
    return std::unexpected(Error{ErrorCode::invalid_request,
                                 "the request uses more than one client authentication method",
                                 "several_authentication_methods"});
  }
  if (assertion) return std::unexpected(denied("unsupported_authentication_method"));
  if (*post) return std::move(**post);
  if (!request.has_authorization) return std::unexpected(denied("no_credentials"));

  auto basic = client_secret_basic(request.authorization);
  if (!basic) return basic;
  const auto body_id = request.form.single("client_id");
  if (!body_id) return std::unexpected(body_id.error());
  if (*body_id && **body_id != basic->client_id) {
    return std::unexpected(Error{ErrorCode::invalid_request,
                                 "client_id differs from the client in the Authorization header",
                                 "client_id_mismatch"});
  }
  return basic;
}

}  // namespace

bool is_denial(ErrorCode code) {
  return code == ErrorCode::invalid_client || code == ErrorCode::invalid_client_throttled;
}

Authenticator::Authenticator(ClientCache& cache, const Snapshot<Peppers>& peppers,
                             FailureCounter& failures, LastUsed& last_used, const Clock& clock,
                             Settings settings)
    : cache_(cache),
      peppers_(peppers),
      failures_(failures),
      last_used_(last_used),
      clock_(clock),
      max_failures_a_minute_(settings.max_failures_a_minute),
      failure_delay_(settings.failure_delay) {}

void Authenticator::set(Settings settings) {
  max_failures_a_minute_ = settings.max_failures_a_minute;
  failure_delay_ = settings.failure_delay;
}

asio::awaitable<Authentication> Authenticator::authenticate(AuthenticationRequest request) {
  auto authentication = co_await decide(request);
  if (!authentication.client && is_denial(authentication.client.error().code)) {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, request.read_at + failure_delay_.load());
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return authentication;
}

asio::awaitable<Authentication> Authenticator::decide(const AuthenticationRequest& request) {
  Authentication result;
  const auto presented = present(request);
  if (!presented) {
    const auto body_id = request.form.single("client_id");
    if (body_id) result.client_id = body_id->value_or(std::string_view());
    result.client = std::unexpected(presented.error());
    co_return result;
  }
  result.client_id = presented->client_id;

  // What is no client id can be no client: not looked up, so that it fills no queue.
  std::expected<ClientPtr, LookupError> found = std::unexpected(LookupError::unknown);
  if (is_client_id(presented->client_id)) found = co_await cache_.find(presented->client_id);
  result.registered = found.has_value();
  result.client = judge(found, *presented, request.peer);
  co_return result;
}

oauth::Result<ClientPtr> Authenticator::judge(const std::expected<ClientPtr, LookupError>& found,
                                              const PresentedCredentials& presented,
                                              std::string_view peer) {
  if (!found && found.error() != LookupError::unknown) {
    const bool full = found.error() == LookupError::queue_full;
    return std::unexpected(Error{ErrorCode::temporarily_unavailable,
                                 "clients cannot be looked up now, try again",
                                 full ? "client_lookup_queue_full" : "storage_unavailable"});
  }
  static const storage::ClientWithSecrets nobody{};
  const auto checked = check_secret(found ? **found : nobody, presented);
  if (!found) return std::unexpected(failed(presented.client_id, peer, "unknown_client"));
  if (!checked) return std::unexpected(failed(presented.client_id, peer, checked.error().cause));
  return *found;
}

oauth::Result<void> Authenticator::check_secret(const storage::ClientWithSecrets& client,
                                                const PresentedCredentials& presented) {
  const auto peppers = peppers_.get();
  const auto text = presented.secret.view();
  const auto id = secret_id_in(text);
  const auto now = floor_seconds(clock_.now());

  std::string_view reason = text.empty() ? "empty_secret" : "wrong_secret";
  bool digested = false;
  for (const auto& secret : client.secrets) {
    if (!secret.imported && secret.secret_id != id) continue;
    const auto digest = peppers->digest(secret.pepper_id, text);
    if (!digest) {
      reason = "pepper_not_loaded";
      continue;
    }
    digested = true;
    if (!jose::equal_in_constant_time(*digest, secret.digest)) continue;
    if (!is_valid(secret, now)) return std::unexpected(denied("expired_secret"));
    if (!client.client.enabled) return std::unexpected(denied("disabled_client"));
    if (client.client.auth_method != presented.method) {
      return std::unexpected(denied("method_not_allowed_for_client"));
    }
    last_used_.used(secret.secret_id, now);
    return {};
  }
  // The same work where there was nothing to compare with, before the delay evens out the rest.
  if (!digested) static_cast<void>(peppers->digest_with_current(text));
  return std::unexpected(denied(reason));
}

Error Authenticator::failed(std::string_view client_id, std::string_view peer,
                            std::string_view reason) {
  auto error = denied(reason);
  if (failures_.count(client_id, peer, clock_.steady()) > max_failures_a_minute_) {
    error.code = ErrorCode::invalid_client_throttled;
  }
  return error;
}

}  // namespace grantd::clients
