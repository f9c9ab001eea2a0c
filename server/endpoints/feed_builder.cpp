#include "server/endpoints/feed_builder.h"

#include <algorithm>
#include <limits>
#include <ranges>

#include "server/base/deflate.h"
#include "server/tokens/signing.h"

namespace grantd::endpoints {
namespace {

using oauth::Error;
using oauth::ErrorCode;

/// Below, a gzip's own octets and the time it takes are worth more than what it saves.
constexpr std::size_t min_gzip_bytes = 1024;

constexpr auto any_number = std::numeric_limits<std::size_t>::max();

Error unavailable(std::string_view reason) {
  return {ErrorCode::temporarily_unavailable, "the revocations cannot be told now, try again",
          std::string(reason)};
}

oauth::Result<FeedBuilder::DocumentPtr> queue_full() {
  return std::unexpected(unavailable("storage_queue_full"));
}

oauth::Result<FeedBuilder::DocumentPtr> broken() {
  return std::unexpected(Error{ErrorCode::server_error, {}, "handler_failed"});
}

}  // namespace

boost::asio::awaitable<oauth::Result<FeedBuilder::DocumentPtr>> FeedBuilder::document(
    std::optional<std::int64_t> since, std::uint64_t generation, std::size_t max_entries) {
  bool leads = false;
  const auto shared = join(since, generation, leads);
  if (leads) {
    co_await lead(shared, max_entries);
  } else {
    const auto until = with_.clock.steady() + patience;
    co_await shared->done.wait(0, until, any_number);
  }
  co_return result_of(*shared);
}

boost::asio::awaitable<void> FeedBuilder::lead(SharedPtr shared, std::size_t max_entries) {
  try {
    auto built = co_await with_.pool.run(building(shared->since, max_entries));
    settle(*shared, built ? std::move(*built) : queue_full());
  } catch (...) {
    settle(*shared, broken());
    throw;
  }
}

bool FeedBuilder::knows_no_news(std::int64_t since, std::uint64_t generation) const {
  const std::lock_guard lock(mutex_);
  // Not of a later cursor: it may be newer than the database.
  return no_news_ == std::pair{generation, since};
}

/// With the mutex held. What was read in an earlier generation may lack what that one's end was
/// about.
FeedBuilder::SharedPtr FeedBuilder::find(std::optional<std::int64_t> since,
                                         std::uint64_t generation) const {
  const auto fresh_from = with_.clock.steady() - share_for;
  for (const auto& each : shared_) {
    if (each->since != since || each->generation < generation) continue;
    if (!each->result || (each->result->has_value() && each->begun > fresh_from)) return each;
  }
  return nullptr;
}

FeedBuilder::SharedPtr FeedBuilder::join(std::optional<std::int64_t> since,
                                         std::uint64_t generation, bool& leads) {
  const std::lock_guard lock(mutex_);
  if (auto found = find(since, generation)) return found;
  leads = true;
  auto shared = std::make_shared<Shared>();
  shared->since = since;
  shared->generation = generation;
  shared->begun = with_.clock.steady();
  if (shared_.size() >= max_shared) shared_.erase(shared_.begin());
  shared_.push_back(shared);
  return shared;
}

void FeedBuilder::settle(Shared& shared, oauth::Result<DocumentPtr> result) {
  {
    const std::lock_guard lock(mutex_);
    if (result && !(*result)->more) no_news_ = {shared.generation, (*result)->seq};
    shared.result = std::move(result);
  }
  shared.done.wake();
}

oauth::Result<FeedBuilder::DocumentPtr> FeedBuilder::result_of(const Shared& shared) const {
  const std::lock_guard lock(mutex_);
  if (!shared.result) return std::unexpected(unavailable("storage_unavailable"));
  return *shared.result;
}

std::function<oauth::Result<FeedBuilder::DocumentPtr>()> FeedBuilder::building(
    std::optional<std::int64_t> since, std::size_t max_entries) const {
  return [this, since, max_entries] { return build(since, max_entries); };
}

oauth::Result<FeedBuilder::DocumentPtr> FeedBuilder::build(std::optional<std::int64_t> since,
                                                           std::size_t max_entries) const {
  // Before the reading: `iat` must not claim more than was seen.
  const auto now = floor_seconds(with_.clock.now());
  const auto news = with_.store.revocation_news(since, now, max_entries);
  if (!news) return std::unexpected(unavailable("storage_unavailable"));

  const auto keys = with_.keys.get();
  const auto key = keys ? keys->signing() : nullptr;
  // A key that was retired with --now a moment ago, and that the key ring has yet to hear of, must
  // not vouch for the very list that names it.
  if (!key ||
      std::ranges::find(news->compromised_kids, key->kid()) != news->compromised_kids.end()) {
    return std::unexpected(unavailable("no_signing_key"));
  }
  const auto behind = news->full ? 0 : since.value_or(0);
  auto jws =
      tokens::sign_compact(*key, feed_document_typ, feed_claims(with_.issuer, behind, *news, now));
  if (!jws) return std::unexpected(std::move(jws.error()));

  auto document = std::make_shared<FeedDocument>();
  document->seq = news->seq;
  document->news = is_news(*news);
  document->full = news->full;
  document->more = news->more;
  if (jws->size() > min_gzip_bytes) {
    document->gzip = std::make_shared<const std::string>(gzip_compress(*jws));
  }
  document->jws = std::make_shared<const std::string>(std::move(*jws));
  return document;
}

}  // namespace grantd::endpoints
