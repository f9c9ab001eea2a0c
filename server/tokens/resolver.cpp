#include "server/tokens/resolver.h"

#include <utility>

#include "server/jose/jwe.h"

namespace grantd::tokens {
namespace {

using Resolved = std::expected<VerifiedToken, Unresolved>;
using Why = Unresolved::Why;

// Results are made in plain functions: docs/adr/0002.
Resolved unresolved(Why why, std::string reason) {
  return std::unexpected(Unresolved{why, std::move(reason)});
}

Resolved resolved(std::expected<VerifiedToken, std::string> verified) {
  if (!verified) return unresolved(Why::invalid, std::move(verified.error()));
  return std::move(*verified);
}

Resolved of_jwt(std::string_view token, const keys::KeySet& keys, std::string_view issuer,
                sys_seconds now, Kind kind) {
  if (jose::looks_like_jwe(token)) return unresolved(Why::encrypted, "encrypted_token");
  return resolved(verify(token, keys, issuer, now, kind));
}

Resolved of_reference(const std::optional<storage::ReferenceToken>& reference,
                      std::string_view issuer, sys_seconds now, Kind kind) {
  if (!reference) return unresolved(Why::invalid, "unknown_handle");
  return resolved(verify_reference(reference->claims, reference->typ, issuer, now, kind));
}

}  // namespace

oauth::Error unavailable_error(const Unresolved& unresolved) {
  return {oauth::ErrorCode::temporarily_unavailable, "the token cannot be looked up now, try again",
          unresolved.reason};
}

boost::asio::awaitable<std::expected<VerifiedToken, Unresolved>> Resolver::resolve(
    std::string_view token, sys_seconds now, Kind kind) const {
  if (!token.starts_with(handle_prefix)) {
    const auto keys = keys_.get();
    co_return of_jwt(token, *keys, issuer_, now, kind);
  }
  if (!is_handle(token)) co_return unresolved(Why::invalid, "malformed_handle");
  const auto reference = co_await references_.find(token);
  if (!reference) co_return unresolved(Why::unavailable, reference.error().cause);
  co_return of_reference(*reference, issuer_, now, kind);
}

}  // namespace grantd::tokens
