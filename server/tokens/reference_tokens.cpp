#include "server/tokens/reference_tokens.h"

#include <array>
#include <functional>
#include <span>
#include <utility>

#include "server/base/secret.h"
#include "server/jose/base64url.h"
#include "server/jose/mac.h"

namespace grantd::tokens {
namespace {

using oauth::Error;
using oauth::ErrorCode;
using Found = storage::StoreResult<std::optional<storage::ReferenceToken>>;

constexpr std::size_t handle_octets = 32;
constexpr std::size_t encoded_characters = 43;

// Results are made in plain functions: docs/adr/0002.
std::unexpected<Error> unavailable(std::string_view description, std::string_view cause) {
  return std::unexpected(
      Error{ErrorCode::temporarily_unavailable, std::string(description), std::string(cause)});
}

oauth::Result<std::string> issue_outcome(
    std::string handle, const std::expected<storage::StoreResult<void>, QueueFull>& written) {
  static constexpr std::string_view description = "the token cannot be stored now, try again";
  if (!written) return unavailable(description, "storage_queue_full");
  if (!*written) return unavailable(description, "storage_unavailable");
  return handle;
}

storage::ReferenceToken reference_token(std::string_view handle, std::string typ,
                                        std::string claims, sys_seconds expires_at) {
  return {digest_of_handle(handle), std::move(typ), std::move(claims), expires_at};
}

oauth::Result<std::optional<storage::ReferenceToken>> find_outcome(
    std::expected<Found, QueueFull> read) {
  static constexpr std::string_view description = "the token cannot be looked up now, try again";
  if (!read) return unavailable(description, "storage_queue_full");
  if (!*read) return unavailable(description, "storage_unavailable");
  return std::move(**read);
}

}  // namespace

std::string generate_handle(Random& random) {
  std::string octets(handle_octets, '\0');
  random.fill(std::as_writable_bytes(std::span(octets)));
  std::string handle;
  handle.reserve(handle_prefix.size() + encoded_characters);  // once: no copy is left behind
  handle.append(handle_prefix);
  jose::append_base64url(handle, octets);
  cleanse(octets);
  return handle;
}

bool is_handle(std::string_view text) {
  if (!text.starts_with(handle_prefix)) return false;
  text.remove_prefix(handle_prefix.size());
  return text.size() == encoded_characters && jose::base64url_decode(text).has_value();
}

storage::Digest digest_of_handle(std::string_view handle) { return jose::sha256(handle); }

ReferenceTokens::ReferenceTokens(storage::ReferenceTokenStore& store, BlockingPool& pool,
                                 Random& random)
    : store_(store),
      pool_(pool),
      random_(random),
      writer_(
          pool, {max_pending, max_group},
          [&store](std::span<const storage::ReferenceToken> tokens) {
            return store.put_reference_tokens(tokens);
          },
          std::unexpected(storage::StoreError{storage::StoreErrorCode::unavailable,
                                              "the commit was interrupted"})) {}

boost::asio::awaitable<oauth::Result<std::string>> ReferenceTokens::issue(std::string typ,
                                                                          std::string claims,
                                                                          sys_seconds expires_at) {
  auto handle = generate_handle(random_);
  const auto written = co_await writer_.write(
      reference_token(handle, std::move(typ), std::move(claims), expires_at));
  co_return issue_outcome(std::move(handle), written);
}

boost::asio::awaitable<oauth::Result<std::optional<storage::ReferenceToken>>> ReferenceTokens::find(
    std::string_view handle) const {
  const std::function<Found()> reading = [this, digest = digest_of_handle(handle)] {
    return store_.find_reference_token(digest);
  };
  auto read = co_await pool_.run(reading);
  co_return find_outcome(std::move(read));
}

}  // namespace grantd::tokens
