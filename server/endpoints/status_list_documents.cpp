#include "server/endpoints/status_list_documents.h"

#include "server/base/deflate.h"
#include "server/tokens/claims.h"
#include "server/tokens/signing.h"
#include "server/tokens/status_list_token.h"

namespace grantd::endpoints {
namespace {

using oauth::Error;
using oauth::ErrorCode;
using DocumentPtr = StatusListDocuments::DocumentPtr;

/// Characters of the signature that name a rendering: 128 bits and a little.
constexpr std::size_t tag_length = 22;

// Results are made in plain functions: docs/adr/0002.
oauth::Result<DocumentPtr> cannot_be_rendered(std::string_view cause) {
  return std::unexpected(Error{ErrorCode::temporarily_unavailable,
                               "the status list cannot be made now, try again",
                               std::string(cause)});
}

oauth::Result<DocumentPtr> rendering_failed() {
  return std::unexpected(Error{ErrorCode::server_error, {}, "status_list_rendering_failed"});
}

}  // namespace

boost::asio::awaitable<oauth::Result<DocumentPtr>> StatusListDocuments::get(std::uint64_t id) {
  const auto [document, rendering, seen] = look_up(id);
  if (document) co_return document;
  if (!rendering) co_return cannot_be_rendered("rendering_queue_full");
  const auto until = std::chrono::steady_clock::now() + longest_wait;
  co_await rendering->done.wait(seen, until, max_waiting);
  co_return outcome_of(*rendering);
}

StatusListDocuments::Found StatusListDocuments::look_up(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  auto& slot = slot_of(id);
  if (slot.document && is_fit(*slot.document, id)) return {slot.document, nullptr, 0};
  if (!slot.rendering) slot.rendering = begin(id);
  if (!slot.rendering) return {};
  return {nullptr, slot.rendering, slot.rendering->done.generation()};
}

StatusListDocuments::Slot& StatusListDocuments::slot_of(std::uint64_t id) {
  if (const auto found = slots_.find(id); found != slots_.end()) return found->second;
  std::erase_if(slots_, [&](const auto& each) {
    return !each.second.rendering && !with_.lists.find(each.first);
  });
  return slots_[id];
}

bool StatusListDocuments::is_fit(const Document& document, std::uint64_t id) const {
  const auto ttl = ttl_.load();
  const auto now = with_.clock.now();
  const auto due = document.issued_at + ttl * (validity_in_ttls - 2);
  if (document.ttl != ttl || now < document.issued_at || now >= due) return false;
  const auto keys = with_.keys.get();
  if (!keys || !keys->find(document.kid)) return false;
  return document.version == with_.lists.version(id) ||
         with_.clock.steady() < document.made_at + least_age;
}

/// With the lock held. Null where the pool's queue is full.
StatusListDocuments::RenderingPtr StatusListDocuments::begin(std::uint64_t id) {
  auto rendering = std::make_shared<Rendering>();
  const bool begun = with_.pool.start([this, id, rendering] { return render(id, rendering); });
  return begun ? rendering : nullptr;
}

oauth::Result<DocumentPtr> StatusListDocuments::outcome_of(const Rendering& rendering) {
  const std::lock_guard lock(mutex_);
  return rendering.outcome ? *rendering.outcome : cannot_be_rendered("rendering_too_slow");
}

boost::asio::awaitable<void> StatusListDocuments::render(std::uint64_t id, RenderingPtr rendering) {
  auto outcome = rendering_failed();
  try {
    outcome = co_await make(id);
  } catch (...) {
    // Broken machinery, no memory say: those who wait hear of it, and the next one tries again.
    outcome = rendering_failed();
  }
  const std::lock_guard lock(mutex_);
  auto& slot = slots_.at(id);  // one that is being rendered is never erased
  slot.rendering.reset();
  if (outcome) slot.document = *outcome;
  rendering->outcome = std::move(outcome);
  rendering->done.wake();
}

boost::asio::awaitable<oauth::Result<DocumentPtr>> StatusListDocuments::make(
    std::uint64_t id) const {
  const auto keys = with_.keys.get();
  const auto content = with_.lists.content(id);
  if (!keys || !keys->signing()) co_return cannot_be_rendered("no_signing_key");
  if (!content) co_return cannot_be_rendered("status_list_gone");

  auto document = std::make_shared<Document>();
  document->ttl = ttl_.load();
  document->version = content->version;
  document->kid = keys->signing()->kid();
  document->issued_at = floor_seconds(with_.clock.now());
  document->made_at = with_.clock.steady();
  tokens::StatusListClaims claims;
  claims.issuer = with_.issuer;
  claims.uri = tokens::status_list_uri(with_.issuer, id);
  claims.issued_at = document->issued_at;
  claims.expires_at = document->issued_at + document->ttl * validity_in_ttls;
  claims.ttl = document->ttl;
  auto payload = tokens::status_list_json(claims, content->octets);
  auto signed_list = co_await tokens::sign_compact(*keys, with_.signer, tokens::status_list_typ,
                                                   std::move(payload));
  if (!signed_list) co_return std::unexpected(std::move(signed_list.error()));
  document->tag = signed_list->substr(signed_list->size() - tag_length);
  document->gzip = std::make_shared<const std::string>(gzip_compress(*signed_list));
  document->plain = std::make_shared<const std::string>(std::move(*signed_list));
  co_return DocumentPtr(std::move(document));
}

}  // namespace grantd::endpoints
