#include "server/keys/private_keys.h"

#include <utility>

namespace grantd::keys {

void PrivateKeys::add(PrivateKey key) {
  kept_.insert(key->kid());
  all_.insert(key->kid());
  held_.insert_or_assign(key->kid(), std::move(key));
}

void PrivateKeys::add_closed(const std::string& kid) {
  kept_.insert(kid);
  all_.insert(kid);
}

void PrivateKeys::replace_kept(const KeyCustody::Content& content) {
  kept_.clear();
  all_.clear();
  for (const auto& [kid, key] : held_) all_.insert(kid);
  for (const auto& key : content.keys) add(key);
  for (const auto& kid : content.closed) add_closed(kid);
}

void PrivateKeys::drop_dead(const Records& records, WallTime now) {
  for (const auto& record : records) {
    if (is_published(record, now)) continue;
    held_.erase(record.kid);
    all_.erase(record.kid);
    kept_.erase(record.kid);
  }
}

PrivateKey PrivateKeys::find(std::string_view kid) const {
  const auto found = held_.find(kid);
  return found == held_.end() ? nullptr : found->second;
}

Kids PrivateKeys::closed() const {
  Kids kids = kept_;
  std::erase_if(kids, [this](const std::string& kid) { return held_.contains(kid); });
  return kids;
}

std::vector<std::string> PrivateKeys::missing(const Records& records) const {
  std::vector<std::string> kids;
  for (const auto& record : records) {
    if (is_live(record) && !held_.contains(record.kid)) kids.push_back(record.kid);
  }
  return kids;
}

}  // namespace grantd::keys
