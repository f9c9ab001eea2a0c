#include "server/tokens/status_lists.h"

#include <algorithm>

#include "server/tokens/status_reference.h"

namespace grantd::tokens {
namespace {

constexpr std::uint64_t bits_an_octet = 8;

}  // namespace

void StatusLists::know(const List& list) {
  const std::lock_guard lock(mutex_);
  entries_[list.id].list = list;
}

void StatusLists::revoke(std::string_view jti, sys_seconds expires_at) {
  const auto status = status_of_jti(jti);
  if (!status) return;
  const auto octet = static_cast<std::size_t>(status->index / bits_an_octet);
  const auto bit = static_cast<std::uint8_t>(1U << (status->index % bits_an_octet));
  const std::lock_guard lock(mutex_);
  auto& entry = entries_[status->list];
  entry.revocations_until = std::max(entry.revocations_until, expires_at);
  if (octet >= entry.bits.size()) entry.bits.resize(octet + 1);
  if ((entry.bits[octet] & bit) != 0) return;
  entry.bits[octet] |= bit;
  ++entry.version;
}

std::optional<StatusLists::List> StatusLists::find(std::uint64_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? std::nullopt : found->second.list;
}

std::uint64_t StatusLists::version(std::uint64_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? 0 : found->second.version;
}

std::optional<StatusLists::Content> StatusLists::content(std::uint64_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end() || !found->second.list) return std::nullopt;
  const auto& entry = found->second;
  Content content{std::string((entry.list->capacity + bits_an_octet - 1) / bits_an_octet, '\0'),
                  entry.version};
  const auto used = std::min(entry.bits.size(), content.octets.size());
  std::copy_n(entry.bits.begin(), used, content.octets.begin());
  return content;
}

void StatusLists::forget_lists() {
  const std::lock_guard lock(mutex_);
  for (auto& [id, entry] : entries_) {
    entry.list.reset();
    ++entry.version;
  }
}

void StatusLists::sweep(sys_seconds now) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const auto& each) {
    const auto& entry = each.second;
    return (entry.list ? entry.list->expires_at : entry.revocations_until) <= now;
  });
}

}  // namespace grantd::tokens
